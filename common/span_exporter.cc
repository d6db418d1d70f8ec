#include "common/span_exporter.h"

#include <algorithm>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/log.h"
#include "stackyard/internal/v1/trace_export.pb.h"

namespace stackyard {
namespace {

constexpr absl::Duration kInterval = absl::Seconds(1);
constexpr absl::Duration kLongestPause = absl::Seconds(30);
constexpr absl::Duration kTimeout = absl::Seconds(2);
// With the pauses between them about a minute.
constexpr int kAttempts = 6;

// What OTLP says may be sent again.
bool IsPassing(int status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

absl::Duration Backoff(int attempts) {
  thread_local absl::InsecureBitGen generator;
  const absl::Duration pause =
      std::min(kInterval * (1 << std::min(attempts - 1, 5)), kLongestPause);
  // All processes lost the collector at the same time, and must not come back at the same time.
  return pause * absl::Uniform<double>(generator, 0.5, 1);
}

}  // namespace

SpanExporter::SpanExporter(SpanQueue& queue, TraceResource resource, Send send,
                           prometheus::Registry& registry)
    : queue_(queue),
      resource_(std::move(resource)),
      send_(std::move(send)),
      exported_(prometheus::BuildCounter()
                    .Name("stackyard_trace_spans_exported_total")
                    .Help("Spans that the collector took.")
                    .Register(registry)
                    .Add({})),
      full_(prometheus::BuildCounter()
                .Name("stackyard_trace_spans_dropped_total")
                .Help("Spans that were lost: the queue was full, the collector refused them, or it "
                      "did not answer.")
                .Register(registry)
                .Add({{"reason", "full"}})),
      refused_(prometheus::BuildCounter()
                   .Name("stackyard_trace_spans_dropped_total")
                   .Register(registry)
                   .Add({{"reason", "refused"}})),
      unsent_(prometheus::BuildCounter()
                  .Name("stackyard_trace_spans_dropped_total")
                  .Register(registry)
                  .Add({{"reason", "unsent"}})) {}

absl::Duration SpanExporter::Turn() {
  CountFull();
  if (batch_.empty()) batch_ = queue_.Take(kBatch);
  if (batch_.empty()) return kInterval;
  switch (Post(kTimeout)) {
    case Verdict::kTaken:
      exported_.Increment(static_cast<double>(batch_.size()));
      batch_.clear();
      attempts_ = 0;
      break;
    case Verdict::kRefused:
      Drop(refused_);
      attempts_ = 0;
      break;
    case Verdict::kLater:
      ++attempts_;
      // What comes next waits as long: the collector is still away.
      if (attempts_ >= kAttempts) Drop(unsent_);
      return Backoff(attempts_);
  }
  return queue_.size() >= kBatch ? absl::ZeroDuration() : kInterval;
}

void SpanExporter::Flush(absl::Duration time) {
  const absl::Time end = absl::Now() + time;
  for (;;) {
    if (batch_.empty()) batch_ = queue_.Take(kBatch);
    if (batch_.empty()) break;
    const absl::Duration left = end - absl::Now();
    if (left <= absl::ZeroDuration() || Post(left) != Verdict::kTaken) {
      do {
        Drop(unsent_);
        batch_ = queue_.Take(kBatch);
      } while (!batch_.empty());
      break;
    }
    exported_.Increment(static_cast<double>(batch_.size()));
    batch_.clear();
  }
  CountFull();
}

SpanExporter::Verdict SpanExporter::Post(absl::Duration timeout) {
  const absl::StatusOr<HttpReply> reply = send_(EncodeSpans(resource_, batch_), timeout);
  Verdict verdict = Verdict::kLater;
  std::string why;
  if (!reply.ok()) {
    why = std::string(reply.status().message());
  } else if (reply->status >= 200 && reply->status < 300) {
    verdict = Verdict::kTaken;
    CountRejected(reply->body);
  } else {
    why = absl::StrCat("HTTP status ", reply->status);
    if (!IsPassing(reply->status)) verdict = Verdict::kRefused;
  }
  Tell(verdict, why);
  return verdict;
}

void SpanExporter::CountRejected(std::string_view body) {
  internal::v1::TraceExportAnswer answer;
  // Some answer with nothing, or with JSON; they took it all the same.
  if (!answer.ParseFromArray(body.data(), static_cast<int>(body.size()))) return;
  const int64_t rejected = answer.partial_success().rejected_spans();
  if (rejected > 0) refused_.Increment(static_cast<double>(rejected));
}

void SpanExporter::Drop(prometheus::Counter& counter) {
  counter.Increment(static_cast<double>(batch_.size()));
  batch_.clear();
}

void SpanExporter::CountFull() {
  if (const int64_t dropped = queue_.TakeDropped(); dropped > 0) {
    full_.Increment(static_cast<double>(dropped));
  }
}

void SpanExporter::Tell(Verdict verdict, const std::string& why) {
  const bool troubled = verdict != Verdict::kTaken;
  if (std::exchange(troubled_, troubled) == troubled) return;
  if (troubled) {
    LogWarning("spans are not taken by the collector", {{"error", why}});
  } else {
    LogInfo("spans are taken by the collector again");
  }
}

}  // namespace stackyard
