// What a module needs of its providers, as far as its files tell.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/runner/provider_schema.h"

namespace stackyard::runner {

struct ModuleNeeds {
  // Types of all its resources, whatever provider they belong to.
  ProviderTypes types;
  // Sources of providers that are configured in more than one way, or might be.
  std::set<std::string> configured_in_many_ways;
  // It calls modules that stackyard-inspect has not read: more may be needed than is told here.
  bool calls_others = false;
  // It speaks of absolute paths, which are not the same to a provider in a folder of its own.
  bool names_absolute_paths = false;
};

// From what stackyard-inspect printed. INTERNAL when the text is no report.
absl::StatusOr<ModuleNeeds> ReadModuleNeeds(std::string_view report);

// Keeps the report beside an initialised module, and reads it from there. NOT_FOUND when the module
// was prepared without.
absl::Status KeepModuleReport(const std::string& prepared, std::string_view report);
absl::StatusOr<ModuleNeeds> NeedsOfPrepared(const std::string& prepared);

}  // namespace stackyard::runner
