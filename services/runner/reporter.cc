#include "services/runner/reporter.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "common/utf8.h"

namespace stackyard::runner {
namespace {

constexpr int kMaxEvents = 500;
constexpr size_t kMaxLog = 256 << 10;

}  // namespace

Reporter::Reporter(QueueClient& queue, internal::v1::Lease lease, const Scrubber& scrubber,
                   RunControl& control, const Clock& clock, ReporterOptions options)
    : queue_(queue),
      lease_(std::move(lease)),
      scrubber_(scrubber),
      control_(control),
      clock_(clock),
      options_(options),
      sender_(std::make_unique<Task>("reporter", [this] { Run(); })) {}

Reporter::~Reporter() { Finish(); }

void Reporter::Event(v1::RunEvent event) {
  if (event.has_diagnostic()) {
    v1::Diagnostic& diagnostic = *event.mutable_diagnostic();
    diagnostic.set_address(scrubber_.Scrub(diagnostic.address()));
    diagnostic.set_summary(ValidUtf8(scrubber_.Scrub(diagnostic.summary())));
    diagnostic.set_detail(ValidUtf8(scrubber_.Scrub(diagnostic.detail())));
  } else if (event.has_resource()) {
    event.mutable_resource()->set_address(scrubber_.Scrub(event.resource().address()));
    event.mutable_resource()->set_id(scrubber_.Scrub(event.resource().id()));
  } else if (event.event_case() == v1::RunEvent::kNotice) {
    event.set_notice(ValidUtf8(scrubber_.Scrub(event.notice())));
  }
  *event.mutable_time() = ToProto(clock_.TimeNow());
  absl::MutexLock lock(&mutex_);
  if (finished_) return;
  event.set_sequence(++sequence_);
  events_.push_back(std::move(event));
}

void Reporter::Notice(std::string_view text) {
  v1::RunEvent event;
  event.set_notice(std::string(text));
  Event(std::move(event));
}

void Reporter::Log(std::string_view text) {
  const std::string line = ValidUtf8(scrubber_.Scrub(text)) + "\n";
  absl::MutexLock lock(&mutex_);
  if (finished_) return;
  if (log_.size() + line.size() > options_.max_pending_log) {
    dropped_ += static_cast<int64_t>(line.size());
    return;
  }
  TellDropped();
  log_ += line;
}

void Reporter::TellDropped() {
  const int64_t dropped = std::exchange(dropped_, 0);
  if (dropped > 0) absl::StrAppend(&log_, "(", dropped, " bytes of the log are missing here)\n");
}

void Reporter::Finish() {
  {
    absl::MutexLock lock(&mutex_);
    TellDropped();
    finished_ = true;
  }
  // The destructor waits for the thread, which ends when everything is sent.
  sender_.reset();
}

bool Reporter::TakeBatch(internal::v1::ReportRunRequest& batch) {
  *batch.mutable_lease() = lease_;
  absl::MutexLock lock(&mutex_);
  const auto something = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return !events_.empty() || !log_.empty() || finished_;
  };
  mutex_.Await(absl::Condition(&something));
  mutex_.AwaitWithTimeout(absl::Condition(&finished_), options_.gather);
  while (!events_.empty() && batch.events_size() < kMaxEvents) {
    *batch.add_events() = std::move(events_.front());
    events_.pop_front();
  }
  size_t size = log_.size();
  if (size > kMaxLog) {
    // Whole lines: up to the last one that fits, or else the first.
    size = log_.rfind('\n', kMaxLog - 1);
    if (size == std::string::npos) size = log_.find('\n');
    ++size;
  }
  batch.set_log_offset(log_offset_);
  batch.set_log(log_.substr(0, size));
  log_.erase(0, size);
  log_offset_ += static_cast<int64_t>(size);
  return batch.events_size() > 0 || size > 0;
}

void Reporter::Run() {
  bool refused = false;
  while (true) {
    internal::v1::ReportRunRequest batch;
    // Nothing comes out only when it is finished and everything was sent.
    if (!TakeBatch(batch)) return;
    if (refused) continue;
    const auto response = queue_.Report(batch, control_);
    if (response.ok()) {
      if (response->cancel()) control_.Interrupt(StopReason::kCancelled);
      continue;
    }
    refused = true;
    if (ReasonOf(response.status()) == v1::GENERATION_STALE) {
      control_.Abandon(StopReason::kLeaseLost);
    } else if (!control_.abandoned()) {
      // The run itself is worth more than what is told of it.
      LogError("a report was refused; the run goes on without",
               {{"run", lease_.run()}, {"error", std::string(response.status().message())}});
    }
  }
}

}  // namespace stackyard::runner
