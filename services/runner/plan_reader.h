// Reads `terraform show -json` of a plan.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/runner/scrubber.h"
#include "stackyard/internal/v1/run_queue.pb.h"

namespace stackyard::runner {

// At most this many changes are told, as plan.proto promises.
inline constexpr int kMaxChanges = 5000;

// Fills in counts, changes, changed outputs and metered resources; digest, serial and diagnostics
// are the caller's. For REFRESH the changes are the drift that was found. What Terraform calls
// sensitive, and what holds one of the scrubber's secrets, is left out of all values. INTERNAL when
// the text is no plan.
absl::StatusOr<internal::v1::PlanSummary> ReadPlan(std::string_view text,
                                                   const internal::v1::Assignment& assignment,
                                                   const Scrubber& scrubber);

// Same, of what was parsed already.
absl::StatusOr<internal::v1::PlanSummary> ReadPlanDocument(
    const nlohmann::json& plan, const internal::v1::Assignment& assignment,
    const Scrubber& scrubber);

// Teaches a scrubber what a plan marks as secret.
void LearnPlanSecrets(const nlohmann::json& plan, Scrubber& scrubber);

}  // namespace stackyard::runner
