// Stacks that are booked ahead: planned, reserved and approved now, and applied when their lease
// begins. Until then they are AWAITING_APPROVAL with a request that is APPROVED.
#pragma once

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/stacks/change.h"
#include "services/stacks/stack_store.h"
#include "services/stacks/task_store.h"

namespace stackyard::stacks {

// Whether the lease of a stack is yet to begin.
bool IsAhead(const StackRecord& record, absl::Time now);

// The plan is approved: applies it, or leaves that to the beginning of the lease.
absl::Status Begin(Change& change, StackRecord& record, RevisionRecord& revision);

// Does a BEGIN_BOOKED task: the lease begins.
absl::Status BeginBooked(Change& change, const TaskRecord& task);

// The stack ends before it began.
void ForgetBooking(Change& change, const StackRecord& record);

}  // namespace stackyard::stacks
