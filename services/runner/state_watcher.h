// Saves the state while Terraform changes it.
#pragma once

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "common/work.h"
#include "services/runner/file.h"
#include "services/runner/queue_client.h"

namespace stackyard::runner {

// Watches `terraform.tfstate` in a folder and sends each snapshot that is whole and has a higher
// serial than the last, 50 ms after it appeared, from a thread of its own. When snapshots come
// faster than they are sent, those in between are skipped. A refusal because of the generation
// abandons the run.
class StateWatcher {
 public:
  // `serial` is that of the state which the run began with; 0: none.
  StateWatcher(QueueClient& queue, internal::v1::Lease lease, std::string folder, int64_t serial,
               RunControl& control);
  ~StateWatcher();

  // Begins to watch. INTERNAL when the system does not let it.
  absl::Status Start();
  // Stops watching and sends the last snapshot, when it was not sent yet: also one that Terraform
  // could only leave as errored.tfstate. To be called when Terraform has ended. The refusal of the
  // last snapshot.
  absl::Status Finish();
  // Serial of the last snapshot saved.
  int64_t serial() const;

 private:
  void Watch();
  // Sends the snapshot that is there. `last`: one that is not whole is an error.
  absl::Status Save(bool last);

  QueueClient& queue_;
  const internal::v1::Lease lease_;
  const std::string folder_;
  RunControl& control_;
  Fd inotify_;
  Fd stop_;
  std::unique_ptr<Task> thread_;
  // What Finish answers.
  absl::Status status_;

  mutable absl::Mutex mutex_;
  int64_t serial_ ABSL_GUARDED_BY(mutex_);
};

// Serial of a state; 0 for text that is no whole state.
int64_t StateSerial(const std::string& state);

// Whether a state holds no resources and no outputs. Empty text is such a state.
bool IsEmptyState(const std::string& state);

}  // namespace stackyard::runner
