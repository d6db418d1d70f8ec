// Compares what is read of a plan file with what Terraform shows of it.
#pragma once

#include <string>
#include <vector>

#include "services/runner/plan_document.h"
#include "services/runner/plan_reader.h"

namespace stackyard::runner {

// An assignment that meters these attributes of a type.
internal::v1::Assignment Metering(internal::v1::Assignment::Work work, const std::string& type,
                                  const std::vector<std::string>& paths);

absl::StatusOr<internal::v1::PlanSummary> ReadDirectly(std::string_view plan,
                                                       const internal::v1::Assignment& assignment,
                                                       const ResourceSchemas& schemas = {});

// Expects that the two ways tell the same, as a plan and as a look for drift. Answers what they
// tell of it as a plan.
internal::v1::PlanSummary ExpectSame(std::string_view plan, std::string_view shown,
                                     const std::string& type,
                                     const std::vector<std::string>& metered,
                                     const ResourceSchemas& schemas = {});

}  // namespace stackyard::runner
