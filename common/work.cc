#include "common/work.h"

#include <pthread.h>

#include <utility>

namespace stackyard {
namespace {

std::thread StartThread(const std::string& name, std::function<void()> body) {
  std::thread thread(std::move(body));
  // Linux takes at most 15 characters.
  pthread_setname_np(thread.native_handle(), name.substr(0, 15).c_str());
  return thread;
}

}  // namespace

void Notifier::Notify() {
  absl::MutexLock lock(&mutex_);
  ++count_;
}

int64_t Notifier::Count() const {
  absl::MutexLock lock(&mutex_);
  return count_;
}

int64_t Notifier::Wait(int64_t seen, absl::Duration timeout) const {
  absl::MutexLock lock(&mutex_);
  const auto moved = [this, seen]()
                         ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return count_ > seen || closed_; };
  mutex_.AwaitWithTimeout(absl::Condition(&moved), timeout);
  return count_;
}

void Notifier::Close() {
  absl::MutexLock lock(&mutex_);
  closed_ = true;
}

bool Notifier::closed() const {
  absl::MutexLock lock(&mutex_);
  return closed_;
}

Loop::Loop(std::string name, Body body)
    : name_(std::move(name)),
      body_(std::move(body)),
      thread_(StartThread(name_, [this] { Run(); })) {}

Loop::~Loop() { Stop(); }

void Loop::Wake() { wake_.Notify(); }

void Loop::Stop() {
  wake_.Close();
  if (thread_.joinable()) thread_.join();
}

void Loop::Run() {
  while (!wake_.closed()) {
    // Read before the call: a Wake during it makes the wait end at once.
    const int64_t seen = wake_.Count();
    const absl::Duration pause = body_();
    wake_.Wait(seen, pause);
  }
}

Task::Task(std::string name, std::function<void()> body)
    : thread_(StartThread(name, std::move(body))) {}

Task::~Task() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace stackyard
