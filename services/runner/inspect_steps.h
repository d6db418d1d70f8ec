// The steps of INSPECT.
#pragma once

#include <string>
#include <vector>

#include "services/runner/steps.h"

namespace stackyard::runner {

// Unpacks the bundle, reads the module, initialises and validates it, and keeps it as prepared.
std::vector<Step> InspectSteps();

// Fetches the assignment's bundle and unpacks it.
absl::Status FetchBundle(RunContext& context, const std::string& folder);

}  // namespace stackyard::runner
