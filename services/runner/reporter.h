// Sends what happens in a run.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/work.h"
#include "services/runner/queue_client.h"
#include "services/runner/scrubber.h"

namespace stackyard::runner {

struct ReporterOptions {
  // How long events are gathered before they are sent.
  absl::Duration gather = absl::Milliseconds(50);
  // Log beyond this that could not be sent yet is dropped, with a line that says how much.
  size_t max_pending_log = 8 << 20;
};

// Events and log lines of one lease, in order, in batches, from a thread of its own. Secrets are
// taken out of everything. A refusal because of the generation abandons the run at once; an answer
// that asks to cancel interrupts it. Thread-safe.
class Reporter {
 public:
  Reporter(QueueClient& queue, internal::v1::Lease lease, const Scrubber& scrubber,
           RunControl& control, const Clock& clock, ReporterOptions options = {});
  ~Reporter();

  // Sequence and time are set here.
  void Event(v1::RunEvent event);
  void Notice(std::string_view text);
  // One line or several, without the last line break.
  void Log(std::string_view text);
  // Sends what there is and waits for it; what comes later is dropped.
  void Finish();

 private:
  void Run();
  bool TakeBatch(internal::v1::ReportRunRequest& batch);
  void TellDropped() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  QueueClient& queue_;
  const internal::v1::Lease lease_;
  const Scrubber& scrubber_;
  RunControl& control_;
  const Clock& clock_;
  const ReporterOptions options_;

  absl::Mutex mutex_;
  std::deque<v1::RunEvent> events_ ABSL_GUARDED_BY(mutex_);
  std::string log_ ABSL_GUARDED_BY(mutex_);
  // Bytes dropped since the last line that was kept.
  int64_t dropped_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t sequence_ ABSL_GUARDED_BY(mutex_) = 0;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  // Of the sending thread alone.
  int64_t log_offset_ = 0;

  std::unique_ptr<Task> sender_;
};

}  // namespace stackyard::runner
