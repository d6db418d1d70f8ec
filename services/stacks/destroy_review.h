// The end of a stack that waits for review: what a user asks for where the template's policy says
// so. The end of a lease never waits.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/stacks/change.h"
#include "services/stacks/change_requests.h"
#include "services/stacks/stack_store.h"

namespace stackyard::stacks {

// Whether destroying or forgetting a stack is reviewed: its policy asks for it, and there is
// something to lose. What has outlived its lease is destroyed without asking.
absl::StatusOr<bool> IsDestroyReviewed(Change& change, const StackRecord& record, bool abandon);

// Asks reviewers; `operation` waits for their answer, and the stack stays in use. Approvals are for
// the state as it is now. Saves the record. WRONG_STATE when the stack cannot be destroyed now.
struct DestroyWish {
  std::string operation;
  std::string requester;
  std::string reason;
  // Forget the resources.
  bool abandon = false;
};
absl::Status AskDestroy(Change& change, StackRecord& record, const DestroyWish& wish);

// Whether the state is no longer the one that the request is about.
bool IsStateStale(const StackRecord& record, const ChangeRequest& request);

// Asks again, for the state as it is now: the request is STALE.
absl::Status AskDestroyAgain(Change& change, StackRecord& record, ChangeRequest& request);

// Reviewers said yes.
absl::Status OnDestroyApproved(Change& change, StackRecord& record);

}  // namespace stackyard::stacks
