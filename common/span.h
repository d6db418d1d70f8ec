// A piece of work that is timed and told of, in the trace of the request that it is done for.
//
// Nothing is recorded, and next to nothing done, unless the process exports spans (see Tracing) and
// the trace is one of those that are recorded. No secret, and no text of users but names of
// resources, belongs in a name or an attribute.
#pragma once

#include <grpcpp/support/status.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "common/log.h"
#include "common/span_queue.h"
#include "common/trace_context.h"

namespace stackyard {

class Span {
 public:
  // Records nothing.
  Span() = default;
  // Part of what `traceparent` is at work on.
  static Span Child(std::string_view name, SpanKind kind, std::string_view traceparent);
  // The same, for a call that came from another process.
  static Span RemoteChild(std::string_view name, SpanKind kind, std::string_view traceparent);
  // The first of a new trace, of which --trace-ratio are recorded.
  static Span Root(std::string_view name, SpanKind kind);
  // The first of a new trace, recorded if that of `traceparent` is: work for a request that may
  // have ended long ago.
  static Span Linked(std::string_view name, SpanKind kind, std::string_view traceparent);
  // With this very context. A call from outside whose trace was judged by others; `parent` is
  // nothing where the trace begins here.
  static Span Judged(std::string_view name, SpanKind kind, const TraceContext& context,
                     const std::optional<TraceContext>& parent);

  Span(Span&&) = default;
  // What it was ends.
  Span& operator=(Span&& other) noexcept;
  ~Span() { End(); }

  bool recording() const { return record_ != nullptr; }
  // What those are told that work for it: its own context; `otherwise` when it records nothing.
  std::string Traceparent(std::string_view otherwise) const;

  // `key` must live as long as the process. Values are cut at 256 bytes, and there are at most 32.
  void Set(std::string_view key, std::string_view value);
  void Set(std::string_view key, const char* value) { Set(key, std::string_view(value)); }
  void Set(std::string_view key, int64_t value);
  // It began earlier than it was made.
  void BeganAt(absl::Time time);
  // Names another span that has to do with it; nothing for what is malformed.
  void Link(std::string_view traceparent);
  // It failed; `why` is a word of ours, like a reason.
  void Fail(std::string_view why);

  // rpc.system, rpc.service and rpc.method of `/package.Service/Method`.
  void SetRpc(std::string_view method);
  // How the call ended, and whether that is a failure of this side.
  void SetGrpcStatus(grpc::StatusCode code);

  // Once; the destructor does it too.
  void End();

 private:
  explicit Span(std::unique_ptr<SpanRecord> record) : record_(std::move(record)) {}
  static Span Begin(std::string_view name, SpanKind kind, const TraceContext& context);
  void Add(std::string_view key, SpanRecord::Value value);

  std::unique_ptr<SpanRecord> record_;
};

// A span of what the current thread does until the end of the scope: log lines, calls and spans
// within belong to it.
class ThreadSpan {
 public:
  // Part of what the thread is at work on.
  explicit ThreadSpan(std::string_view name, SpanKind kind = SpanKind::kInternal)
      : ThreadSpan(Span::Child(name, kind, RequestScope::Traceparent())) {}
  explicit ThreadSpan(Span span);

  Span* operator->() { return &span_; }

 private:
  Span span_;
  std::optional<RequestScope> scope_;
};

}  // namespace stackyard
