// What happens next to a stack. Each function is one step: it takes the stack as it is, writes all
// that follows from the event into the Change, and leaves the rest to runners and tasks.
//
//   StartPlan --(runner)--> OnPlanned --(task RESERVE)--> OnReserved --+--> AskReview --> Apply
//                                                                      +--> Apply
//   Apply --(runner)--> OnApplied      StartDestroy --(runner)--> OnDestroyed
//
// Every step that fails before anything was touched ends in GiveUp; after that, in OnBroken.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "services/stacks/change.h"
#include "services/stacks/lifecycle.h"
#include "services/stacks/run_store.h"
#include "services/stacks/stack_store.h"
#include "services/stacks/state_file.h"
#include "stackyard/internal/v1/run_queue.pb.h"

namespace stackyard::stacks {

// Moves a stack through the transition table and writes the event of it. `message` is for people.
// The caller saves the record. References into the record do not outlive the call.
absl::Status Move(Change& change, StackRecord& record, const StackEvent& event,
                  const std::string& message);

// Queues a PLAN run for the stack's latest revision, for an operation.
absl::Status StartPlan(Change& change, StackRecord& record, const std::string& operation);

// A plan was made: prices it and leaves a RESERVE task.
absl::Status OnPlanned(Change& change, StackRecord& record, const RunRecord& run,
                       const internal::v1::PlanSummary& summary);

// Quota is reserved: asks for review, or queues the apply.
absl::Status OnReserved(Change& change, StackRecord& record, RevisionRecord& revision);

// Review is through, or not needed: queues the APPLY run of the revision's plan.
absl::Status StartApply(Change& change, StackRecord& record, RevisionRecord& revision);

// Everything was applied; `state` is what was saved last.
absl::Status OnApplied(Change& change, StackRecord& record, const RunRecord& run,
                       const StateFile& state);

// A run failed while resources were touched. `state` is what was saved last.
absl::Status OnBroken(Change& change, StackRecord& record, const RunRecord& run,
                      const StateFile& state, const absl::Status& why);

// A run was cancelled while it waited for a runner: the first one, or the next after a lost one.
absl::Status OnCancelled(Change& change, StackRecord& record, const RunRecord& run,
                         const absl::Status& why);

// A change came to nothing before anything was touched.
absl::Status GiveUp(Change& change, StackRecord& record, const absl::Status& why, bool refused);

// The state moved on since the plan was made, by a run whose runner was lost: plans the rest. What
// the new plan does beyond the approved one is reviewed again.
absl::Status PlanRest(Change& change, StackRecord& record, const std::string& operation,
                      const std::string& why);

// The state was replaced while a plan was made, or waited for a runner to apply it: plans from the
// state that there is now.
absl::Status PlanFromState(Change& change, StackRecord& record, const std::string& why);

// The state moved on while the plan was under review: plans again, and reviewers are asked again.
absl::Status PlanAgain(Change& change, StackRecord& record, const std::string& why);

// Queues a DESTROY run, or ends at once when there is nothing to destroy or it is abandoned.
absl::Status StartDestroy(Change& change, StackRecord& record, const std::string& operation,
                          bool abandon);

// Everything is gone.
absl::Status OnDestroyed(Change& change, StackRecord& record, const std::string& operation);

}  // namespace stackyard::stacks
