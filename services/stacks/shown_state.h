// What a stack shows of its state: outputs, resources, amounts and cost.
#pragma once

#include "absl/status/status.h"
#include "services/stacks/change.h"
#include "services/stacks/stack_store.h"
#include "services/stacks/state_file.h"

namespace stackyard::stacks {

// Something is there, or counts as if it were.
bool HoldsAnything(const StackRecord& record);

// Sets what the stack shows of its state, and its amounts and cost from the meters. `revision` is
// the one that was applied; nullptr when none was.
absl::Status TakeState(Change& change, StackRecord& record, const StateFile& state,
                       const RevisionRecord* revision);

// Of a change that broke half way, what the version before counts is there as well: each metric
// holds the greater of the two.
absl::Status CoverApplied(Change& change, StackRecord& record, const StateFile& state);

// The state was replaced from outside a run: what the stack shows of it, and what quota holds for
// it, follow. The caller saves the record.
absl::Status ShowState(Change& change, StackRecord& record, const StateFile& state);

}  // namespace stackyard::stacks
