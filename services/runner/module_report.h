// Reads what stackyard-inspect prints.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "stackyard/internal/v1/run_queue.pb.h"

namespace stackyard::runner {

struct ModuleReport {
  internal::v1::ModuleSummary summary;
  std::vector<v1::Diagnostic> diagnostics;
  // As it was printed.
  std::string text;
};

// Name of the variable that Stackyard sets itself.
inline constexpr std::string_view kStackUidVariable = "stackyard_stack_uid";

// INTERNAL when the text is no report. A backend or cloud block is an error among the diagnostics:
// Stackyard keeps the state.
absl::StatusOr<ModuleReport> ReadModuleReport(std::string_view text);

// MODULE_INVALID that quotes the first errors with file and line; OK when there is no error.
absl::Status ModuleStatus(const std::vector<v1::Diagnostic>& diagnostics);

}  // namespace stackyard::runner
