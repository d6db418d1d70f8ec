// A run queue for tests: a real gRPC service that keeps everything in memory.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/server.h"
#include "stackyard/internal/v1/run_queue.grpc.pb.h"

namespace stackyard::runner {

// What one generation of one run has sent.
struct RecordedRun {
  std::vector<v1::RunEvent> events;
  std::string log;
  // How much of the log had come before each event.
  std::vector<size_t> log_before_event;
  // Snapshots in order, and how many events had come before each.
  std::vector<std::string> states;
  std::vector<size_t> events_before_state;
  std::optional<internal::v1::CompleteRunRequest> completion;
  int completions = 0;
};

class FakeQueue final : public internal::v1::RunQueueService::Service {
 public:
  // `listen` as in ServerOptions.
  explicit FakeQueue(std::string listen);
  ~FakeQueue() override;

  const std::string& target() const { return target_; }
  // Stops serving and drops the connections; what was recorded stays.
  void StopServing();
  void Serve();

  void Push(internal::v1::Assignment assignment);
  std::string AddBlob(std::string content);
  std::string Blob(const std::string& digest);
  bool HasBlob(const std::string& digest);
  // Asks to cancel a run, by heartbeat.
  void Cancel(const std::string& run, bool kill);
  // Waits until the runner has worked on an answer that asked to cancel the run.
  void WaitCancelSeen(const std::string& run);
  // While they are held, reads of blobs wait.
  void HoldReads(bool hold);
  // From now on nothing of the run is taken, and its lease is told lost.
  void Steal(const std::string& run, bool tell_by_heartbeat);

  // Waits until the run was completed; fails the test after three minutes.
  internal::v1::CompleteRunRequest WaitCompleted(const std::string& run);
  // Waits until `done` says so of the run.
  void WaitFor(const std::string& run, const std::function<bool(const RecordedRun&)>& done);
  // Waits until the runner asks for work.
  void WaitPolling();
  RecordedRun Recorded(const std::string& run);
  // Everything that was sent, as text, to look for secrets in. Without states and blobs.
  std::string Everything(const std::string& run);
  int reads_of(const std::string& digest);
  // What was handed in of lost runs, in order.
  std::vector<internal::v1::SalvageStateRequest> Salvaged();
  // Waits until so many were.
  void WaitSalvaged(size_t count);
  int refused() const;

 private:
  grpc::Status AcquireRuns(grpc::ServerContext*, const internal::v1::AcquireRunsRequest*,
                           internal::v1::AcquireRunsResponse*) override;
  grpc::Status Heartbeat(grpc::ServerContext*, const internal::v1::HeartbeatRequest*,
                         internal::v1::HeartbeatResponse*) override;
  grpc::Status ReportRun(grpc::ServerContext*, const internal::v1::ReportRunRequest*,
                         internal::v1::ReportRunResponse*) override;
  grpc::Status SaveState(grpc::ServerContext*, const internal::v1::SaveStateRequest*,
                         internal::v1::SaveStateResponse*) override;
  grpc::Status SalvageState(grpc::ServerContext*, const internal::v1::SalvageStateRequest*,
                            internal::v1::SalvageStateResponse*) override;
  grpc::Status CompleteRun(grpc::ServerContext*, const internal::v1::CompleteRunRequest*,
                           internal::v1::CompleteRunResponse*) override;
  grpc::Status ReadBlob(grpc::ServerContext*, const internal::v1::ReadBlobRequest*,
                        grpc::ServerWriter<internal::v1::ReadBlobResponse>*) override;
  grpc::Status WriteBlob(grpc::ServerContext*, grpc::ServerReader<internal::v1::WriteBlobRequest>*,
                         internal::v1::WriteBlobResponse*) override;
  // OK, or GENERATION_STALE.
  absl::Status Check(const internal::v1::Lease& lease) ABSL_SHARED_LOCKS_REQUIRED(mutex_);

  std::string listen_;
  std::string target_;
  mutable absl::Mutex mutex_;
  bool serving_ ABSL_GUARDED_BY(mutex_) = false;
  int polls_ ABSL_GUARDED_BY(mutex_) = 0;
  int refused_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<internal::v1::Assignment> waiting_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, RecordedRun> runs_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> blobs_ ABSL_GUARDED_BY(mutex_);
  std::vector<internal::v1::SalvageStateRequest> salvaged_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int> reads_ ABSL_GUARDED_BY(mutex_);
  // By run; true: kill.
  std::map<std::string, bool> cancelled_ ABSL_GUARDED_BY(mutex_);
  // How often the runner was told to cancel.
  std::map<std::string, int> told_ ABSL_GUARDED_BY(mutex_);
  bool hold_reads_ ABSL_GUARDED_BY(mutex_) = false;
  // By run; true: told by heartbeat.
  std::map<std::string, bool> stolen_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Server> server_;
};

}  // namespace stackyard::runner
