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

// A thread that works for whoever came while it was busy with those before. First come, first
// served: a call waits for the group that is going on and for calls that came before it, so none
// starves.
template <typename Call>
class Turns {
 public:
  using Group = std::vector<std::unique_ptr<Call>>;

  // At most `most` calls in a group. `work` answers each call of its group.
  Turns(size_t most, std::function<void(Group)> work)
      : most_(most), work_(std::move(work)), thread_("turns", [this] { Run(); }) {}
  // Serves those who wait. Nobody may come any more.
  ~Turns() {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
  }

  // Answers at once; the call is answered later, on another thread.
  void Give(std::unique_ptr<Call> call) {
    absl::MutexLock lock(&mutex_);
    waiting_.push_back(std::move(call));
  }

  // Calls that are in no group yet.
  size_t waiting() const {
    absl::MutexLock lock(&mutex_);
    return waiting_.size();
  }

 private:
  void Run() {
    while (true) {
      Group group = Next();
      if (group.empty()) return;
      work_(std::move(group));
    }
  }
  // Empty: it is over.
  Group Next() {
    const auto ready = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
      return closed_ || !waiting_.empty();
    };
    absl::MutexLock lock(&mutex_, absl::Condition(&ready));
    Group group;
    while (!waiting_.empty() && group.size() < most_) {
      group.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    return group;
  }

  const size_t most_;
  const std::function<void(Group)> work_;
  mutable absl::Mutex mutex_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<std::unique_ptr<Call>> waiting_ ABSL_GUARDED_BY(mutex_);
  // Last, so that it is joined before the rest goes.
  Task thread_;
};

}  // namespace stackyard::quota
