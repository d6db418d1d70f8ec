// A plan file in the form of `terraform show -json`, without Terraform.
#pragma once

#include <nlohmann/json.hpp>

#include "absl/status/statusor.h"
#include "services/runner/plan_file.h"
#include "services/runner/resource_schemas.h"

namespace stackyard::runner {

// The members that ReadPlan reads; those that `show` would add are not there. What the schemas call
// sensitive is marked. FAILED_PRECONDITION, with what is in the way, when a resource's type is not
// among the schemas, or anything else is not as it was seen before: ask Terraform then.
absl::StatusOr<nlohmann::json> PlanDocument(const PlanFile& plan, const ResourceSchemas& schemas);

}  // namespace stackyard::runner
