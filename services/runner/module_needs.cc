#include "services/runner/module_needs.h"

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "services/runner/file.h"

namespace stackyard::runner {
namespace fs = std::filesystem;
namespace {

using nlohmann::json;

// Hidden: it is no part of the module to whoever reads that, and takes the place of any file of the
// bundle's.
constexpr char kReportFile[] = "/.stackyard-inspect.json";
constexpr size_t kMaxReport = 64 << 20;
constexpr size_t kMaxSource = 2 << 20;

ProviderTypes TypesIn(const json& report) {
  ProviderTypes types;
  for (const json& resource : report.at("resources")) {
    const std::string mode = resource.at("mode").get<std::string>();
    auto& names = mode == "data"        ? types.data
                  : mode == "ephemeral" ? types.ephemeral
                                        : types.managed;
    names.insert(resource.at("type").get<std::string>());
  }
  return types;
}

std::set<std::string> ConfiguredInManyWays(const json& report) {
  std::map<std::string, int> blocks;
  std::set<std::string> many;
  for (const json& config : report.at("provider_configs")) {
    const std::string source = config.at("source").get<std::string>();
    // Beside a block with an alias there may be a default configuration without a block.
    if (++blocks[source] > 1 || config.contains("alias") || config.value("repeated", false)) {
      many.insert(source);
    }
  }
  return many;
}

bool CallsOthers(const json& report) {
  for (const json& call : report.at("modules")) {
    const std::string source = call.at("source").get<std::string>();
    if (!absl::StartsWith(source, "./") && !absl::StartsWith(source, "../")) return true;
  }
  return false;
}

bool IsSource(const std::string& name) {
  return absl::EndsWith(name, ".tf") || absl::EndsWith(name, ".tf.json");
}

// Comments and strings count as well: a module that only speaks of such paths is merely slower.
bool NamesAbsolutePaths(const std::string& prepared) {
  std::error_code error;
  for (auto entry = fs::recursive_directory_iterator(prepared, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name == ".terraform") entry.disable_recursion_pending();
    if (!IsSource(name)) continue;
    const auto text = ReadFileOfRun(entry->path().string(), kMaxSource);
    if (!text.ok()) return true;
    for (const char* word : {"path.cwd", "abspath", "pathexpand"}) {
      if (absl::StrContains(*text, word)) return true;
    }
  }
  return static_cast<bool>(error);
}

}  // namespace

absl::StatusOr<ModuleNeeds> ReadModuleNeeds(std::string_view text) {
  try {
    const json report = json::parse(text);
    ModuleNeeds needs;
    needs.types = TypesIn(report);
    needs.configured_in_many_ways = ConfiguredInManyWays(report);
    needs.calls_others = CallsOthers(report);
    return needs;
  } catch (const json::exception& error) {
    return absl::InternalError(
        absl::StrCat("stackyard-inspect did not answer a report: ", error.what()));
  }
}

absl::Status KeepModuleReport(const std::string& prepared, std::string_view report) {
  return WriteFile(prepared + kReportFile, report);
}

absl::StatusOr<ModuleNeeds> NeedsOfPrepared(const std::string& prepared) {
  ASSIGN_OR_RETURN(const std::string report, ReadFileOfRun(prepared + kReportFile, kMaxReport));
  ASSIGN_OR_RETURN(ModuleNeeds needs, ReadModuleNeeds(report));
  needs.names_absolute_paths = NamesAbsolutePaths(prepared);
  return needs;
}

}  // namespace stackyard::runner
