// Callers who take turns in groups.
#pragma once

#include <deque>
#include <functional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace stackyard::quota {

// One caller at a time works, for all who came before it: for itself and whoever waits. First come,
// first served, so none waits for more than the group that is going on and the calls before its
// own. It takes no thread: the first in line is the one who works.
template <typename Call>
class Turns {
 public:
  using Work = std::function<void(const std::vector<Call*>&)>;

  // At most `most` calls in a group.
  Turns(size_t most, Work work) : most_(most), work_(std::move(work)) {}

  // Returns when somebody has done the work for a group that the call is in.
  void Take(Call& call) {
    Waiter self{&call};
    absl::MutexLock lock(&mutex_);
    waiting_.push_back(&self);
    while (!self.done && (working_ || waiting_.front() != &self)) self.woken.Wait(&mutex_);
    if (!self.done) WorkFor(self);
  }

  // Calls that are in no group yet.
  size_t waiting() const {
    absl::MutexLock lock(&mutex_);
    return waiting_.size();
  }

 private:
  struct Waiter {
    Call* call;
    bool done = false;
    absl::CondVar woken;
  };

  void WorkFor(const Waiter& self) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    std::vector<Waiter*> group;
    std::vector<Call*> calls;
    while (!waiting_.empty() && group.size() < most_) {
      group.push_back(waiting_.front());
      calls.push_back(waiting_.front()->call);
      waiting_.pop_front();
    }
    working_ = true;
    mutex_.Unlock();
    work_(calls);
    mutex_.Lock();
    working_ = false;
    if (!waiting_.empty()) waiting_.front()->woken.Signal();
    for (Waiter* waiter : group) {
      waiter->done = true;
      if (waiter != &self) waiter->woken.Signal();
    }
  }

  const size_t most_;
  const Work work_;
  mutable absl::Mutex mutex_;
  bool working_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<Waiter*> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace stackyard::quota
