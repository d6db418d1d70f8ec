// Spans that have ended, on their way out of the process.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/trace_context.h"

namespace stackyard {

// As OTLP numbers them.
enum class SpanKind { kInternal = 1, kServer = 2, kClient = 3, kProducer = 4, kConsumer = 5 };

struct SpanRecord {
  std::string name;
  SpanKind kind = SpanKind::kInternal;
  TraceContext context;
  // All zeros: the first of its trace.
  std::array<uint8_t, 8> parent{};
  // The parent is a span of another process.
  bool parent_is_remote = false;
  // Nanoseconds since 1970.
  int64_t start = 0;
  int64_t end = 0;
  using Value = std::variant<std::string, int64_t, bool>;
  // Keys live as long as the process.
  std::vector<std::pair<std::string_view, Value>> attributes;
  std::vector<TraceContext> links;
  bool failed = false;
  // Why.
  std::string message;
};

// Bounded: what finds it full is dropped and counted, so that a collector that is slow or away
// costs nobody anything. Thread-safe.
class SpanQueue {
 public:
  explicit SpanQueue(size_t capacity) : capacity_(capacity) {}

  // While it is closed nothing is recorded at all. `ratio` of the traces that begin here are.
  // `on_batch` is called, by whoever pushes, when there are `batch` spans; it must be quick, and
  // must not touch the queue.
  void Open(double ratio, size_t batch, std::function<void()> on_batch);
  // What is in it stays.
  void Close();
  bool open() const { return open_.load(std::memory_order_relaxed); }
  // Whether a trace that begins now is to be recorded.
  bool SampleRoot() const;

  void Push(SpanRecord span);
  // The oldest, at most `most`.
  std::vector<SpanRecord> Take(size_t most);
  size_t size() const;
  // How many found it full since it was asked last.
  int64_t TakeDropped();

 private:
  const size_t capacity_;
  std::atomic<bool> open_ = false;
  std::atomic<double> ratio_ = 0;
  mutable absl::Mutex mutex_;
  std::vector<SpanRecord> spans_ ABSL_GUARDED_BY(mutex_);
  size_t batch_ ABSL_GUARDED_BY(mutex_) = 0;
  std::function<void()> on_batch_ ABSL_GUARDED_BY(mutex_);
  int64_t dropped_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Where the spans of this process go, as its log lines go to standard error: code that is at work
// deep within need not be handed it. It lives as long as the process.
SpanQueue& ProcessSpans();

}  // namespace stackyard
