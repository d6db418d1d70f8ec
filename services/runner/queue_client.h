// The runner's side of the run queue.
#pragma once

#include <grpcpp/channel.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "services/runner/run_control.h"
#include "stackyard/internal/v1/run_queue.grpc.pb.h"

namespace stackyard::runner {

// Calls that belong to a run are tried again while the service does not answer, until they are
// answered or the run is abandoned; a restart of the service is not noticed by a run. They end with
// the service's refusal, or ABORTED when the run was abandoned. Thread-safe.
class QueueClient {
 public:
  QueueClient(const std::shared_ptr<grpc::Channel>& channel, std::string runner_id);

  // One long poll.
  absl::StatusOr<std::vector<internal::v1::Assignment>> Acquire(
      int free_slots, absl::Duration wait, const std::vector<std::string>& prepared_bundles,
      const std::string& engine);
  // Ends the long poll that goes on, and all to come.
  void StopAcquiring();

  // One heartbeat, tried once.
  absl::StatusOr<internal::v1::HeartbeatResponse> Heartbeat(
      const std::vector<internal::v1::Lease>& leases, absl::Duration timeout);

  absl::StatusOr<internal::v1::ReportRunResponse> Report(
      const internal::v1::ReportRunRequest& request, const RunControl& control);
  // Answers the serial that is now the current one.
  absl::StatusOr<int64_t> SaveState(const internal::v1::Lease& lease, std::string state,
                                    const RunControl& control);
  // Of a run whose runner is dead; an empty state: there is none.
  absl::StatusOr<internal::v1::SalvageStateResponse> Salvage(const internal::v1::Lease& lease,
                                                             const std::string& state,
                                                             const RunControl& control);
  absl::Status Complete(const internal::v1::CompleteRunRequest& request, const RunControl& control);
  // OUT_OF_RANGE when it is longer than `max_bytes`, DATA_LOSS when it has another digest.
  absl::StatusOr<std::string> ReadBlob(const std::string& digest, size_t max_bytes,
                                       const RunControl& control);
  // Answers the digest.
  absl::StatusOr<std::string> WriteBlob(std::string_view content, const RunControl& control);

 private:
  using Attempt = std::function<absl::Status(grpc::ClientContext& context)>;
  absl::Status Retry(std::string_view what, absl::Duration timeout, const RunControl& control,
                     const Attempt& attempt);

  const std::unique_ptr<internal::v1::RunQueueService::Stub> stub_;
  const std::string runner_id_;
  absl::Mutex mutex_;
  grpc::ClientContext* polling_ ABSL_GUARDED_BY(mutex_) = nullptr;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace stackyard::runner
