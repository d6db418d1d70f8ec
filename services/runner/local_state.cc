#include "services/runner/local_state.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/runner/file.h"

namespace stackyard::runner {

std::optional<LocalState> ParseLocalState(std::string text) {
  const auto parsed = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return std::nullopt;
  const auto serial = parsed.find("serial");
  if (serial == parsed.end() || !serial->is_number_integer()) return std::nullopt;
  LocalState state;
  state.serial = serial->get<int64_t>();
  if (state.serial < 1) return std::nullopt;
  const auto lineage = parsed.find("lineage");
  if (lineage != parsed.end() && lineage->is_string()) state.lineage = *lineage;
  state.text = std::move(text);
  return state;
}

std::optional<LocalState> NewestState(const std::string& folder,
                                      const std::vector<std::string_view>& files,
                                      const std::string& lineage) {
  std::optional<LocalState> newest;
  for (const std::string_view file : files) {
    auto text = ReadFileOfRun(absl::StrCat(folder, "/", std::string(file)));
    if (!text.ok()) continue;
    auto state = ParseLocalState(*std::move(text));
    if (!state || (!lineage.empty() && state->lineage != lineage)) continue;
    if (!newest || state->serial > newest->serial) newest = std::move(state);
  }
  return newest;
}

}  // namespace stackyard::runner
