// Quota of what was not destroyed in time. A reservation counts within its window alone, and the
// window is the lease; resources may be there for longer. So shortly before a window ends that
// something is still held in, a reservation that goes on takes its place, hour by hour, until
// everything is gone. Where others have booked what is left, it is held all the same: the commit
// of more than was reserved is always honoured, and the metric shows as over-committed.
#pragma once

#include "absl/status/status.h"
#include "services/stacks/change.h"
#include "services/stacks/ledger_client.h"
#include "services/stacks/stack_store.h"
#include "services/stacks/task_store.h"

namespace stackyard::stacks {

// When that is due for a stack.
absl::Time HoldOnAt(const StackRecord& record);

// Does a HOLD_ON task: holds on where that is due, and comes back when it is due next. An error
// puts the task off.
absl::Status HoldOn(Store& store, LedgerClient& ledger, const DueTask& task);

}  // namespace stackyard::stacks
