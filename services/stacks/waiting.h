// The one request that a stack in use may have waiting: for a longer lease, or for its end. New
// plans wait in the state AWAITING_APPROVAL instead.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "services/stacks/change.h"
#include "services/stacks/change_requests.h"
#include "services/stacks/stack_store.h"

namespace stackyard::stacks {

// WRONG_STATE while a request of the stack waits.
absl::Status CheckNotWaiting(const StackRecord& record);

// Whether a stack can be changed: WRONG_STATE while a request of it waits, and when its lease is
// over but its resources are not gone.
absl::Status CheckFree(const StackRecord& record, absl::Time now);

// Lets the stack wait for a request that is open. `operation` is what waits with it; empty: none.
// The caller saves the record.
void WaitFor(StackRecord& record, const ChangeRequest& request, const std::string& operation);

// Ends the waiting: the request was decided. Answers what it held; the caller saves the record.
struct Waited {
  std::string operation;
  std::string extension_reservation;
  bool abandon = false;
};
Waited StopWaiting(StackRecord& record);

// A request that waited came to a no: the stack shows why, its operation ends with that, and the
// quota held for it is given back. Saves the record.
absl::Status OnWaitingRefused(Change& change, StackRecord& record, const ChangeRequest& request,
                              const std::string& message);

// The stack is about to be destroyed: withdraws what waits. The caller saves the record.
absl::Status WithdrawWaiting(Change& change, StackRecord& record);

}  // namespace stackyard::stacks
