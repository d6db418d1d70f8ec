// The lease of a stack: the warnings before its end, and what happens when a stack outlives it.
// The end itself is a task of the saga.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/stacks/change.h"
#include "services/stacks/stack_store.h"
#include "services/stacks/task_store.h"

namespace stackyard::stacks {

// After a failed apply, before a stack whose lease is over is destroyed.
inline constexpr absl::Duration kRetryDestroy = absl::Minutes(5);

// Sees to a stack that holds something: warns before the end of its lease, destroys it at the end,
// and holds its quota until it is gone. Calling it again changes nothing. `earliest` puts off a
// destroy that is due already, after a failure.
void WatchLease(Change& change, const StackRecord& record, absl::Duration earliest);

// Nothing is left to see to.
void ForgetLease(Change& change, const StackRecord& record);

// A stack that never came to be is planned anew: its lease begins anew.
void RenewLease(StackRecord& record, absl::Time now);

// Warns of the end of a lease where that is due, and comes back for the next warning. What is due
// at once is one warning: the last of them. Each is given once: it is written down in the
// transaction that ends the task.
absl::Status WarnOfEnd(Change& change, const TaskRecord& task);

// A stack could not be destroyed: counts it, tells it, and answers in how long it is tried again
// when its lease is over. The caller saves the record.
absl::StatusOr<absl::Duration> OnDestroyFailed(Change& change, StackRecord& record,
                                               const absl::Status& why);

// 5 minutes after the first failure, doubled by each further one, at most 6 hours.
absl::Duration RetryDestroyIn(int attempts);

}  // namespace stackyard::stacks
