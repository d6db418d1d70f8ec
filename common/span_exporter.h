// Brings spans to a collector, batch by batch.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include <functional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/http_client.h"
#include "common/otlp.h"
#include "common/span_queue.h"

namespace stackyard {

// Not thread-safe: one thread calls it.
class SpanExporter {
 public:
  // Spans that are sent together.
  static constexpr size_t kBatch = 512;

  // Posts a body to the collector, within the timeout.
  using Send = std::function<absl::StatusOr<HttpReply>(std::string_view body, absl::Duration)>;

  // `queue` and `registry` must outlive it.
  SpanExporter(SpanQueue& queue, TraceResource resource, Send send, prometheus::Registry& registry);

  // Sends a batch, or the last one once more. Answers how long to wait before the next call: not at
  // all while there is more, longer and longer while the collector is busy or away. A batch that it
  // did not take for about a minute is dropped, and so is at once what it refuses.
  absl::Duration Turn();
  // Sends what is left, until the time is up or the collector does not take it; the rest is
  // dropped.
  void Flush(absl::Duration time);

 private:
  enum class Verdict { kTaken, kRefused, kLater };
  Verdict Post(absl::Duration timeout);
  // What a collector that took it says that it left out.
  void CountRejected(std::string_view answer);
  void Drop(prometheus::Counter& counter);
  void CountFull();
  // Tells the log once that the collector does not take spans, and once that it does again.
  void Tell(Verdict verdict, const std::string& why);

  SpanQueue& queue_;
  const TraceResource resource_;
  const Send send_;
  prometheus::Counter& exported_;
  // Spans that found the queue full; that the collector refused; that it was not there for.
  prometheus::Counter& full_;
  prometheus::Counter& refused_;
  prometheus::Counter& unsent_;

  std::vector<SpanRecord> batch_;
  int attempts_ = 0;
  bool troubled_ = false;
};

}  // namespace stackyard
