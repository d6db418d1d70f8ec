// Drift: how far the real resources are from the state. A check is a REFRESH run, asked for by
// somebody or by the template's policy; it changes nothing, so whatever wants to change the stack
// meanwhile goes first.
//
//   Check, or the task CHECK_DRIFT --> StartDriftCheck --(runner)--> OnDriftChecked
//   Repair: a new revision from the applied one, planned like any other
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "google/longrunning/operations.pb.h"
#include "services/stacks/change.h"
#include "services/stacks/run_store.h"
#include "services/stacks/stack_store.h"
#include "services/stacks/task_store.h"
#include "stackyard/internal/v1/run_queue.pb.h"
#include "stackyard/v1/stacks.pb.h"

namespace stackyard::stacks {

// What users ask.
class DriftChecks {
 public:
  explicit DriftChecks(Store& store) : store_(store) {}

  // WRONG_STATE unless the stack is READY or FAILED, has resources and no run.
  absl::StatusOr<google::longrunning::Operation> Check(const Principal& caller,
                                                       const v1::CheckDriftRequest& request);
  // WRONG_STATE unless the stack is READY.
  absl::StatusOr<google::longrunning::Operation> Repair(const Principal& caller,
                                                        const v1::RepairDriftRequest& request);

 private:
  Store& store_;
};

// Sets the time of the next check by the policy of the stack's template version; none without one.
absl::Status ScheduleDriftCheck(Change& change, const StackRecord& record);

// The stack is gone: what is known of its drift, and the next check, go with it.
void DropDriftCheck(Change& change, StackRecord& record);

// The task CHECK_DRIFT is due: begins a check, unless the stack is busy; then this one is left out.
// The next one is an interval away either way.
absl::Status OnDriftCheckDue(Change& change, const DueTask& task);

// A check is through: shows what differs, and tells it when it is news.
absl::Status OnDriftChecked(Change& change, StackRecord& record, const RunRecord& run,
                            const internal::v1::PlanSummary& summary);

// A check failed or was cancelled: what is shown stays.
absl::Status OnDriftCheckFailed(Change& change, StackRecord& record, const RunRecord& run,
                                const absl::Status& why);

// The stack has left the settled state `from`: a check that goes on ends here, and what its runner
// still sends is refused. The caller saves the record.
absl::Status YieldDriftCheck(Change& change, StackRecord& record, v1::Stack::State from);

}  // namespace stackyard::stacks
