#include "common/span_queue.h"

#include <algorithm>
#include <iterator>

#include "absl/random/random.h"

namespace stackyard {
namespace {

// A few MiB at worst: attributes are short and few.
constexpr size_t kCapacity = 8192;

}  // namespace

void SpanQueue::Open(double ratio, size_t batch, std::function<void()> on_batch) {
  absl::MutexLock lock(&mutex_);
  ratio_ = ratio;
  batch_ = batch;
  on_batch_ = std::move(on_batch);
  open_ = true;
}

void SpanQueue::Close() {
  absl::MutexLock lock(&mutex_);
  open_ = false;
  on_batch_ = nullptr;
}

bool SpanQueue::SampleRoot() const {
  if (!open()) return false;
  const double ratio = ratio_.load(std::memory_order_relaxed);
  if (ratio >= 1) return true;
  // Not by the trace's id, which clients can choose.
  thread_local absl::InsecureBitGen generator;
  return ratio > 0 && absl::Uniform<double>(generator, 0, 1) < ratio;
}

void SpanQueue::Push(SpanRecord span) {
  absl::MutexLock lock(&mutex_);
  if (!open()) return;
  if (spans_.size() >= capacity_) {
    ++dropped_;
    return;
  }
  spans_.push_back(std::move(span));
  if (spans_.size() == batch_ && on_batch_) on_batch_();
}

std::vector<SpanRecord> SpanQueue::Take(size_t most) {
  std::vector<SpanRecord> taken;
  absl::MutexLock lock(&mutex_);
  if (spans_.size() <= most) {
    taken.swap(spans_);
    return taken;
  }
  const auto end = spans_.begin() + static_cast<std::ptrdiff_t>(most);
  taken.assign(std::make_move_iterator(spans_.begin()), std::make_move_iterator(end));
  spans_.erase(spans_.begin(), end);
  return taken;
}

size_t SpanQueue::size() const {
  absl::MutexLock lock(&mutex_);
  return spans_.size();
}

int64_t SpanQueue::TakeDropped() {
  absl::MutexLock lock(&mutex_);
  return std::exchange(dropped_, 0);
}

SpanQueue& ProcessSpans() {
  // Threads of libraries may end spans while the process goes down.
  static auto* const spans = new SpanQueue(kCapacity);
  return *spans;
}

}  // namespace stackyard
