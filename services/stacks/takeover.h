// What a runner that was lost had begun, and how it is told: what it may have made without saving
// it is named by address, in the run, in the stack, and to who goes on with the run.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "services/stacks/change.h"
#include "services/stacks/queue_store.h"
#include "services/stacks/run_store.h"
#include "services/stacks/stack_store.h"
#include "services/stacks/state_file.h"

namespace stackyard::stacks {

// Addresses that the last `reported` events of a run tell were begun, and not ended, or made, and
// that `state` lacks. Sorted.
std::vector<std::string> FindUnsaved(soci::session& sql, const std::string& run, int64_t reported,
                                     const StateFile& state);

// The runner of an APPLY or DESTROY is lost: writes down what may be unsaved. Answers how the run
// ended, for people. The caller saves run and stack.
absl::StatusOr<absl::Status> TellLost(Change& change, const StackRecord& stack, RunRecord& run,
                                      const QueueEntry& entry, const StateFile& state,
                                      const std::string& how);

// An APPLY or DESTROY failed, perhaps because Terraform was killed: writes down what had begun and
// was never told to have ended, and saves the run.
absl::Status TellBroken(Change& change, const StackRecord& stack, RunRecord& run,
                        const QueueEntry& entry, const StateFile& state);

// Tells who goes on, in the events of `run`, what may be there without being in the state.
absl::Status TellSuccessor(Change& change, const StackRecord& stack, const std::string& run);

// A state turned up after its runner was lost: what is in it is not unsaved any more.
absl::Status TakeFound(Change& change, const StackRecord& stack, RunRecord& run,
                       const StateFile& state);

// What is added to the stack's state_detail; empty: nothing is unsaved.
std::string UnsavedText(soci::session& sql, const std::string& uid);

// Something newer than what was lost was applied in full: nobody needs to be told for ever. All of
// it for revisions before `revision`.
void ForgetUnsaved(Change& change, const std::string& uid, int64_t revision);

}  // namespace stackyard::stacks
