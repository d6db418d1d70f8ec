// Takes runs from the queue and works on them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/work.h"
#include "services/runner/run.h"
#include "services/runner/run_context.h"

namespace stackyard::runner {

struct RunnerOptions {
  // Runs at the same time; 1 or more.
  int slots = 4;
  // Time between heartbeats.
  absl::Duration heartbeat_interval = absl::Seconds(3);
  // How long one poll for work waits.
  absl::Duration poll = absl::Seconds(30);
};

// Keeps a long poll open while a slot is free, gives each run a thread, and keeps the leases alive.
class Runner {
 public:
  // Begins at once. The parts must outlive it.
  Runner(const RunnerParts& parts, RunnerOptions options);
  // Interrupts with no time left.
  ~Runner();

  // Takes no new work from now on. When it returns, nothing begins any more.
  void StopTaking();
  // Whether no run goes on.
  bool Idle() const;
  // Takes no new work and interrupts the runs that go on; those that have not ended and been
  // completed within `limit` are killed and left to their leases. Runs that have ended are cleaned
  // up when it returns.
  void Interrupt(absl::Duration limit);

 private:
  struct Active {
    internal::v1::Assignment assignment;
    RunControl control;
    bool ended = false;
    // Last, so that it is joined while the rest is there.
    std::unique_ptr<Task> thread;
  };
  // Run and generation.
  using Key = std::pair<std::string, int64_t>;
  using ActiveMap = std::map<Key, std::unique_ptr<Active>>;

  static Key KeyOf(const internal::v1::Lease& lease);
  absl::Duration Acquire();
  absl::Duration Beat();
  void Start(internal::v1::Assignment assignment);
  void Execute(Active& active);
  // Joins the threads of runs that have ended; answers how many slots are free.
  int Reap();
  int CountRunning() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);

  const RunnerParts& parts_;
  const RunnerOptions options_;
  mutable absl::Mutex mutex_;
  ActiveMap active_ ABSL_GUARDED_BY(mutex_);
  // Asks for nothing more.
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // Begins nothing more.
  bool interrupted_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Duration pause_ = absl::ZeroDuration();
  // Last: their threads use the rest.
  std::unique_ptr<Loop> heartbeat_;
  std::unique_ptr<Loop> acquire_;
};

}  // namespace stackyard::runner
