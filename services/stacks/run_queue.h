// The run queue as runners see it: leases with generations, reports, states, completions.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/blob_store.h"
#include "services/stacks/change.h"
#include "services/stacks/queue_store.h"
#include "services/stacks/run_counts.h"
#include "services/stacks/run_log.h"
#include "services/stacks/stack_store.h"
#include "services/stacks/state_texts.h"
#include "stackyard/internal/v1/run_queue.pb.h"

namespace stackyard::stacks {

struct RunQueueOptions {
  // A runner that is silent for this long loses its runs.
  absl::Duration lease = absl::Seconds(15);
  // Longest that a run may take.
  absl::Duration run_timeout = absl::Hours(2);
  // Of each run's log.
  LogLimits log;
  // What modules may contain.
  internal::v1::CatalogPolicy policy;
};

class RunQueue {
 public:
  // `counts` may be null: nobody counts.
  RunQueue(Store& store, BlobStore& blobs, const RunQueueOptions& options,
           RunCounts* counts = nullptr)
      : store_(store), blobs_(blobs), options_(options), counts_(counts) {}

  // Waits up to the request's timeout (at most a minute), less when the process drains or
  // `gone` says that the runner went away.
  absl::StatusOr<internal::v1::AcquireRunsResponse> Acquire(
      const internal::v1::AcquireRunsRequest& request, const std::function<bool()>& gone);
  absl::StatusOr<internal::v1::HeartbeatResponse> Heartbeat(
      const internal::v1::HeartbeatRequest& request);
  absl::StatusOr<internal::v1::ReportRunResponse> Report(
      const internal::v1::ReportRunRequest& request);
  absl::StatusOr<internal::v1::SaveStateResponse> SaveState(
      const internal::v1::SaveStateRequest& request);
  absl::StatusOr<internal::v1::CompleteRunResponse> Complete(
      const internal::v1::CompleteRunRequest& request);

  // Takes runs back from runners that fell silent. Answers how many.
  absl::StatusOr<int> TakeBack();
  // The runner of an entry that is leased, and locked, is lost: another goes on. What had moved the
  // state is planned anew; else the same work is given out again. `how` it was lost, for people.
  absl::Status TakeOver(Change& change, QueueEntry entry, const std::string& how,
                        const StateTexts& states, RunTally& tally);
  // Counts what was committed.
  void Count(const RunTally& tally) {
    if (counts_ != nullptr) counts_->Count(tally);
  }

 private:
  absl::StatusOr<internal::v1::AcquireRunsResponse> TryAcquire(
      const internal::v1::AcquireRunsRequest& request);
  // Puts back what was leased to a runner that does not hear of it any more.
  absl::Status PutBack(const std::string& runner, const internal::v1::AcquireRunsResponse& leased);
  absl::Status Finish(Change& change, const internal::v1::CompleteRunRequest& request,
                      const QueueEntry& entry, const StateTexts& states, RunTally& tally);

  Store& store_;
  BlobStore& blobs_;
  const RunQueueOptions options_;
  RunCounts* const counts_;
};

}  // namespace stackyard::stacks
