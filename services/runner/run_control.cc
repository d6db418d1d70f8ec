#include "services/runner/run_control.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

namespace stackyard::runner {
namespace {

void Signal(int fd) {
  const uint64_t one = 1;
  // Cannot fail: the counter never comes near its limit.
  [[maybe_unused]] const ssize_t written = write(fd, &one, sizeof(one));
}

}  // namespace

std::string_view Name(StopReason reason) {
  switch (reason) {
    case StopReason::kNone:
      return "";
    case StopReason::kCancelled:
      return "cancelled";
    case StopReason::kDrained:
      return "drained";
    case StopReason::kLeaseLost:
      return "lease_lost";
  }
  return "";
}

RunControl::RunControl()
    : interrupt_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      kill_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

RunControl::~RunControl() {
  close(interrupt_fd_);
  close(kill_fd_);
}

void RunControl::Interrupt(StopReason reason) { Raise(kInterrupted, reason); }
void RunControl::Kill(StopReason reason) { Raise(kKilled, reason); }
void RunControl::Abandon(StopReason reason) { Raise(kAbandoned, reason); }

void RunControl::Raise(Level level, StopReason reason) {
  absl::MutexLock lock(&mutex_);
  if (level <= level_) return;
  if (level_ == kRunning || level == kAbandoned) reason_ = reason;
  if (level_ < kInterrupted) Signal(interrupt_fd_);
  if (level_ < kKilled && level >= kKilled) Signal(kill_fd_);
  level_ = level;
  if (level == kAbandoned) {
    for (const auto& cancel : on_abandon_) cancel();
  }
}

RunControl::OnAbandon::OnAbandon(const RunControl& control, std::function<void()> cancel)
    : control_(control) {
  absl::MutexLock lock(&control_.mutex_);
  if (control_.level_ == kAbandoned) cancel();
  place_ = control_.on_abandon_.insert(control_.on_abandon_.end(), std::move(cancel));
}

RunControl::OnAbandon::~OnAbandon() {
  absl::MutexLock lock(&control_.mutex_);
  control_.on_abandon_.erase(place_);
}

RunControl::Level RunControl::level() const {
  absl::MutexLock lock(&mutex_);
  return level_;
}

StopReason RunControl::reason() const {
  absl::MutexLock lock(&mutex_);
  return reason_;
}

bool RunControl::interrupted() const { return level() >= kInterrupted; }
bool RunControl::killed() const { return level() >= kKilled; }
bool RunControl::abandoned() const { return level() >= kAbandoned; }

bool RunControl::WaitAbandoned(absl::Duration timeout) const {
  absl::MutexLock lock(&mutex_);
  const auto abandoned = [this]()
                             ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return level_ >= kAbandoned; };
  return mutex_.AwaitWithTimeout(absl::Condition(&abandoned), timeout);
}

}  // namespace stackyard::runner
