// Threads. Nothing outside common/ makes one.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace stackyard {

// Tells waiters that something changed. Each Notify moves a counter on; a waiter gives the count
// that it saw last, so that it never misses one.
class Notifier {
 public:
  void Notify();
  int64_t Count() const;
  // Waits until the count is over `seen`, the time is up or Close was called; answers the count.
  int64_t Wait(int64_t seen, absl::Duration timeout) const;
  // Wakes all waiters for good.
  void Close();
  bool closed() const;

 private:
  mutable absl::Mutex mutex_;
  int64_t count_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

// Calls a function again and again on a thread of its own until it is stopped. The function
// answers how long to wait before the next call; Wake cuts the wait short.
class Loop {
 public:
  using Body = std::function<absl::Duration()>;
  Loop(std::string name, Body body);
  // Stops: waits for a call that is going on.
  ~Loop();
  void Wake();
  void Stop();

 private:
  void Run();

  const std::string name_;
  const Body body_;
  Notifier wake_;
  std::thread thread_;
};

// A thread that runs a function once and is joined by the destructor.
class Task {
 public:
  Task(std::string name, std::function<void()> body);
  ~Task();
  Task(Task&&) = default;

 private:
  std::thread thread_;
};

}  // namespace stackyard
