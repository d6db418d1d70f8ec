#include "services/gateway/work_queue.h"

#include <utility>

namespace stackyard::gateway {

WorkQueue::WorkQueue(const std::string& name, int threads, size_t limit) : limit_(limit) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back(name, [this] { Run(); });
}

WorkQueue::~WorkQueue() {
  {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
  }
  threads_.clear();
}

bool WorkQueue::Add(std::function<void()> work) {
  absl::MutexLock lock(&mutex_);
  if (closed_ || waiting_.size() >= limit_) return false;
  waiting_.push_back(std::move(work));
  return true;
}

void WorkQueue::Run() {
  const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return closed_ || !waiting_.empty();
  };
  while (true) {
    std::function<void()> work;
    {
      absl::MutexLock lock(&mutex_, absl::Condition(&ready));
      if (waiting_.empty()) return;
      work = std::move(waiting_.front());
      waiting_.pop_front();
    }
    work();
  }
}

}  // namespace stackyard::gateway
