// Tells one run to stop, and why.
#pragma once

#include <functional>
#include <list>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace stackyard::runner {

enum class StopReason { kNone, kCancelled, kDrained, kLeaseLost };

// `cancelled`, `drained`, `lease_lost`; empty for kNone.
std::string_view Name(StopReason reason);

// Stopping goes through three levels, each includes those before it and none is taken back:
// interrupt (Terraform ends by itself and saves its state), kill, and abandon (kill, and report
// nothing more). Thread-safe.
class RunControl {
 public:
  RunControl();
  ~RunControl();
  RunControl(const RunControl&) = delete;
  RunControl& operator=(const RunControl&) = delete;

  // The first reason is kept, except that abandoning replaces it.
  void Interrupt(StopReason reason);
  void Kill(StopReason reason);
  void Abandon(StopReason reason);

  StopReason reason() const;
  bool interrupted() const;
  bool killed() const;
  bool abandoned() const;

  // Calls `cancel` when the run is abandoned, at once when it is already, until it is destroyed.
  // `cancel` must not block, nor use the control.
  class OnAbandon {
   public:
    OnAbandon(const RunControl& control, std::function<void()> cancel);
    ~OnAbandon();
    OnAbandon(const OnAbandon&) = delete;
    OnAbandon& operator=(const OnAbandon&) = delete;

   private:
    const RunControl& control_;
    std::list<std::function<void()>>::iterator place_;
  };

  // Waits until the run is abandoned or the time is up; answers whether it is abandoned.
  bool WaitAbandoned(absl::Duration timeout) const;

  // Readable for poll(2) from the moment of Interrupt, and of Kill, on. Never read from them.
  int interrupt_fd() const { return interrupt_fd_; }
  int kill_fd() const { return kill_fd_; }

 private:
  enum Level { kRunning, kInterrupted, kKilled, kAbandoned };
  void Raise(Level level, StopReason reason);
  Level level() const;

  const int interrupt_fd_;
  const int kill_fd_;
  mutable absl::Mutex mutex_;
  Level level_ ABSL_GUARDED_BY(mutex_) = kRunning;
  StopReason reason_ ABSL_GUARDED_BY(mutex_) = StopReason::kNone;
  mutable std::list<std::function<void()>> on_abandon_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace stackyard::runner
