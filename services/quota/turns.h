// Calls that are served in groups, one group after the other.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/work.h"

namespace stackyard::quota {

// Whoever comes while nobody is at work does its own work at once; whoever comes meanwhile is
// served by a thread, together with all who wait. First come, first served: a call waits for the
// group that is going on and for calls that came before it, so none starves.
template <typename Call>
class Turns {
 public:
  using Group = std::vector<std::unique_ptr<Call>>;

  // At most `most` calls in a group. `work` answers each call of its group.
  Turns(size_t most, std::function<void(const Group&)> work)
      : most_(most), work_(std::move(work)), thread_("turns", [this] { Run(); }) {}
  // Serves those who wait. Nobody may come any more.
  ~Turns() {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
  }

  // The call is answered by then, or later on another thread.
  void Give(std::unique_ptr<Call> call) {
    Group group;
    {
      absl::MutexLock lock(&mutex_);
      waiting_.push_back(std::move(call));
      if (working_) return;
      group = Next();
    }
    // One group and no more: a caller is not made to work for others for good.
    WorkFor(group);
  }

  // Calls that are in no group yet.
  size_t waiting() const {
    absl::MutexLock lock(&mutex_);
    return waiting_.size();
  }

 private:
  void Run() {
    const auto ready = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
      return !working_ && (closed_ || !waiting_.empty());
    };
    while (true) {
      Group group;
      {
        absl::MutexLock lock(&mutex_, absl::Condition(&ready));
        if (waiting_.empty()) return;
        group = Next();
      }
      WorkFor(group);
    }
  }
  Group Next() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    working_ = true;
    Group group;
    while (!waiting_.empty() && group.size() < most_) {
      group.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    return group;
  }
  void WorkFor(const Group& group) {
    work_(group);
    absl::MutexLock lock(&mutex_);
    working_ = false;
  }

  const size_t most_;
  const std::function<void(const Group&)> work_;
  mutable absl::Mutex mutex_;
  bool working_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<std::unique_ptr<Call>> waiting_ ABSL_GUARDED_BY(mutex_);
  // Last, so that it is joined before the rest goes.
  Task thread_;
};

}  // namespace stackyard::quota
