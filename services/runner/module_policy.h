// Holds modules against the catalogue's policy.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "services/runner/module_report.h"
#include "services/runner/run_context.h"

namespace stackyard::runner {

// Reads the module in a folder and holds it against the policy of the assignment: what that does
// not allow is an error among the report's diagnostics.
absl::StatusOr<ModuleReport> InspectModule(RunContext& context, const std::string& folder);

// MODULE_INVALID, with the diagnostics kept, when the module in a folder is not what the policy
// allows now: it may have become stricter since the version was published. What was found good once
// is not looked at again. Destroying is always allowed: what stands must be able to go.
absl::Status CheckPolicy(RunContext& context, const std::string& folder);

}  // namespace stackyard::runner
