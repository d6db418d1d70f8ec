#include "services/runner/run_note.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "common/status_macros.h"
#include "services/runner/file.h"
#include "services/runner/local_state.h"

namespace stackyard::runner {
namespace {

using internal::v1::Assignment;
using nlohmann::json;

constexpr char kNote[] = ".lease.json";
constexpr size_t kMaxNote = 1 << 16;

}  // namespace

absl::Status WriteNote(const std::string& run_folder, const Assignment& assignment) {
  json note;
  note["run"] = assignment.lease().run();
  note["generation"] = assignment.lease().generation();
  const bool changes =
      assignment.work() == Assignment::APPLY || assignment.work() == Assignment::DESTROY;
  note["changes_state"] = changes;
  if (changes && !assignment.state().empty()) {
    if (const auto state = ParseLocalState(assignment.state())) {
      note["lineage"] = state->lineage;
      note["serial"] = state->serial;
    }
  }
  return WriteFile(run_folder + kNote, note.dump());
}

absl::StatusOr<RunNote> ReadNote(const std::string& run_folder) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(run_folder + kNote, kMaxNote));
  const json parsed = json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto is = [&](const char* name, bool (json::*type)() const noexcept) {
    return parsed.contains(name) && (parsed[name].*type)();
  };
  if (!parsed.is_object() || !is("run", &json::is_string) ||
      !is("generation", &json::is_number_integer)) {
    return absl::DataLossError("the note of a run is damaged");
  }
  RunNote note;
  note.lease.set_run(parsed["run"].get<std::string>());
  note.lease.set_generation(parsed["generation"].get<int64_t>());
  note.changes_state = is("changes_state", &json::is_boolean) && parsed["changes_state"] == true;
  if (is("lineage", &json::is_string)) note.lineage = parsed["lineage"];
  if (is("serial", &json::is_number_integer)) note.serial = parsed["serial"].get<int64_t>();
  return note;
}

bool HasNote(const std::string& run_folder) {
  std::error_code error;
  return std::filesystem::exists(run_folder + kNote, error);
}

void RemoveNote(const std::string& run_folder) {
  std::error_code error;
  std::filesystem::remove(run_folder + kNote, error);
}

}  // namespace stackyard::runner
