// What a run tells of its plan.
#pragma once

#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/runner/run_context.h"

namespace stackyard::runner {

// Reads the plan file of the run; asks Terraform where that does not tell everything, or where a
// policy will want to see the whole plan.
absl::StatusOr<internal::v1::PlanSummary> SummarizePlan(RunContext& context);

// The plan file of the run, in the form of `terraform show -json`. FAILED_PRECONDITION where
// Terraform has to be asked.
absl::StatusOr<nlohmann::json> ReadPlanDirectly(const RunContext& context);

// Has Terraform print the plan, into the context.
absl::Status ShowPlan(RunContext& context);

}  // namespace stackyard::runner
