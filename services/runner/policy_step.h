// The step that judges a plan by the operator's policy.
#pragma once

#include "absl/status/status.h"
#include "services/runner/run_context.h"

namespace stackyard::runner {

// Adds what the policy says to the run's plan, and to its log. RUN_FAILED when it cannot be
// evaluated. What a PLAN may not do is for stacks to decide; of a DESTROY, whose plan nobody
// reviews, POLICY_DENIED with the messages.
absl::Status JudgePlan(RunContext& context);

}  // namespace stackyard::runner
