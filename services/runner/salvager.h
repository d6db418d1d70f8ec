// Hands in what runs have left that ended without their runner, or without their lease.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "common/work.h"
#include "services/runner/queue_client.h"
#include "services/runner/run_control.h"
#include "services/runner/workspace.h"

namespace stackyard::runner {

// Works on a thread of its own, one folder after the other, for as long as it takes the service to
// answer. A folder goes when it was answered; else it stays for the next runner on this machine.
class Salvager {
 public:
  // Begins with what dead runners left. Queue and workspace must outlive it.
  Salvager(QueueClient& queue, Workspace& workspace);
  // Gives up what goes on.
  ~Salvager();

  // A run of this runner that has ended with a state that the service did not take.
  void Add(std::unique_ptr<RunFolder> folder);

 private:
  absl::Duration Work();
  // Whether the service has answered, so that the folder is of no more use.
  bool HandIn(const std::string& run_folder);

  QueueClient& queue_;
  Workspace& workspace_;
  RunControl control_;
  absl::Mutex mutex_;
  std::deque<std::unique_ptr<DeadRunner>> dead_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::unique_ptr<RunFolder>> lost_ ABSL_GUARDED_BY(mutex_);
  // Last: its thread uses the rest.
  std::unique_ptr<Loop> loop_;
};

}  // namespace stackyard::runner
