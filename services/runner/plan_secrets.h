// Secrets that a plan holds, before it is applied.
#pragma once

#include "services/runner/run_context.h"

namespace stackyard::runner {

// Whether providers tell in the log what they send: then they tell of values that they alone know
// to be secret, too.
bool LogsRequests(const Environment& environment);

// Lets the run's scrubber learn what the saved plan calls sensitive, providers' schemas included.
// Terraform is asked for it only where providers log: elsewhere an apply need not wait for that.
// While nobody else uses the scrubber.
absl::Status LearnPlanSecrets(RunContext& context);

}  // namespace stackyard::runner
