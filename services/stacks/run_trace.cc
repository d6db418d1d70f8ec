#include "services/stacks/run_trace.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/span.h"

namespace stackyard::stacks {

std::string TraceOfLease(const QueueEntry& entry, const std::string& request) {
  const std::string name =
      absl::StrCat("queue ", absl::AsciiStrToLower(Assignment::Work_Name(entry.work)));
  // Generations of a template version go on when it is published anew.
  const bool again = entry.generation > 1 && entry.work != Assignment::INSPECT;
  Span span = again ? Span::Linked(name, SpanKind::kProducer, entry.traceparent)
                    : Span::Child(name, SpanKind::kProducer, entry.traceparent);
  if (!again) span.BeganAt(entry.enqueue_time);
  span.Link(request);
  span.Set("stackyard.run", entry.target);
  span.Set("stackyard.runner", entry.runner);
  return span.Traceparent(entry.traceparent);
}

}  // namespace stackyard::stacks
