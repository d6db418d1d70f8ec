// The change request of a plan.
#pragma once

#include "absl/status/status.h"
#include "services/stacks/change.h"
#include "services/stacks/stack_store.h"
#include "stackyard/v1/change_requests.pb.h"

namespace stackyard::stacks {

// What reviewers are asked about the plan of a stack's latest revision; not written yet.
v1::ChangeRequest RequestForPlan(const StackRecord& record, const RevisionRecord& revision);

// `2 to create, 0 to update, …`
std::string Summarize(const v1::Plan& plan);

// The policy bundle forbids to apply the plan: it has messages that are errors.
bool IsForbidden(const v1::Plan& plan);

// Writes the request of a plan that the policy forbids, rejected from the start, with what the
// policy says; and gives the change up, POLICY_DENIED.
absl::Status RejectByPolicy(Change& change, StackRecord& record, const RevisionRecord& revision,
                            const v1::ApprovalPolicy& policy);

}  // namespace stackyard::stacks
