#include "common/span.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/utf8.h"
#include "google/rpc/code.pb.h"

namespace stackyard {
namespace {

constexpr size_t kMostAttributes = 32;
constexpr size_t kMostValue = 256;
constexpr size_t kMostLinks = 8;

std::string Cut(std::string_view text) { return ValidUtf8(text.substr(0, kMostValue)); }

// A server has done its part when it refuses what it was asked; to a client it is a failure.
bool IsFailure(SpanKind kind, grpc::StatusCode code) {
  if (kind != SpanKind::kServer) return code != grpc::StatusCode::OK;
  switch (code) {
    case grpc::StatusCode::UNKNOWN:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::UNIMPLEMENTED:
    case grpc::StatusCode::INTERNAL:
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::DATA_LOSS:
      return true;
    default:
      return false;
  }
}

// Of a trace that is recorded, while spans are exported.
std::optional<TraceContext> Recorded(std::string_view traceparent) {
  if (!ProcessSpans().open() || !IsSampled(traceparent)) return std::nullopt;
  return TraceContext::Parse(traceparent);
}

}  // namespace

Span Span::Begin(std::string_view name, SpanKind kind, const TraceContext& context) {
  auto record = std::make_unique<SpanRecord>();
  record->name = name;
  record->kind = kind;
  record->context = context;
  record->start = absl::GetCurrentTimeNanos();
  return Span(std::move(record));
}

Span Span::Child(std::string_view name, SpanKind kind, std::string_view traceparent) {
  const std::optional<TraceContext> parent = Recorded(traceparent);
  if (!parent) return Span();
  Span span = Begin(name, kind, parent->Next());
  span.record_->parent = parent->span_id;
  return span;
}

Span Span::RemoteChild(std::string_view name, SpanKind kind, std::string_view traceparent) {
  Span span = Child(name, kind, traceparent);
  if (span.recording()) span.record_->parent_is_remote = true;
  return span;
}

Span Span::Root(std::string_view name, SpanKind kind) {
  if (!ProcessSpans().SampleRoot()) return Span();
  return Begin(name, kind, TraceContext::New(true));
}

Span Span::Linked(std::string_view name, SpanKind kind, std::string_view traceparent) {
  const std::optional<TraceContext> other = Recorded(traceparent);
  if (!other) return Span();
  Span span = Begin(name, kind, TraceContext::New(true));
  span.record_->links.push_back(*other);
  return span;
}

Span Span::Judged(std::string_view name, SpanKind kind, const TraceContext& context,
                  const std::optional<TraceContext>& parent) {
  if (!ProcessSpans().open() || !context.sampled) return Span();
  Span span = Begin(name, kind, context);
  if (parent) {
    span.record_->parent = parent->span_id;
    span.record_->parent_is_remote = true;
  }
  return span;
}

Span& Span::operator=(Span&& other) noexcept {
  if (this != &other) {
    End();
    record_ = std::move(other.record_);
  }
  return *this;
}

std::string Span::Traceparent(std::string_view otherwise) const {
  return recording() ? record_->context.Format() : std::string(otherwise);
}

void Span::Add(std::string_view key, SpanRecord::Value value) {
  if (record_->attributes.size() < kMostAttributes) {
    record_->attributes.emplace_back(key, std::move(value));
  }
}

void Span::Set(std::string_view key, std::string_view value) {
  if (recording()) Add(key, Cut(value));
}

void Span::Set(std::string_view key, int64_t value) {
  if (recording()) Add(key, value);
}

void Span::BeganAt(absl::Time time) {
  if (recording()) record_->start = absl::ToUnixNanos(time);
}

void Span::Link(std::string_view traceparent) {
  if (!recording() || record_->links.size() >= kMostLinks) return;
  const std::optional<TraceContext> other = TraceContext::Parse(traceparent);
  if (!other) return;
  // Within a trace the parents tell it, and one link leads to all of another.
  const auto known = [&](const TraceContext& span) { return span.trace_id == other->trace_id; };
  if (known(record_->context) || std::any_of(record_->links.begin(), record_->links.end(), known)) {
    return;
  }
  record_->links.push_back(*other);
}

void Span::Fail(std::string_view why) {
  if (!recording()) return;
  record_->failed = true;
  record_->message = Cut(why);
}

void Span::SetRpc(std::string_view method) {
  if (!recording()) return;
  if (method.starts_with('/')) method.remove_prefix(1);
  const size_t slash = method.find('/');
  Set("rpc.system", "grpc");
  Set("rpc.service", method.substr(0, slash));
  if (slash != std::string_view::npos) Set("rpc.method", method.substr(slash + 1));
}

void Span::SetGrpcStatus(grpc::StatusCode code) {
  if (!recording()) return;
  Set("rpc.grpc.status_code", static_cast<int64_t>(code));
  if (IsFailure(record_->kind, code)) Fail(google::rpc::Code_Name(static_cast<int>(code)));
}

void Span::End() {
  const std::unique_ptr<SpanRecord> record = std::move(record_);
  if (record == nullptr) return;
  record->end = absl::GetCurrentTimeNanos();
  ProcessSpans().Push(std::move(*record));
}

ThreadSpan::ThreadSpan(Span span) : span_(std::move(span)) {
  if (!span_.recording()) return;
  // The scope moves what it finds out of the way.
  const std::string request_id = RequestScope::RequestId();
  scope_.emplace(request_id, span_.Traceparent(""));
}

}  // namespace stackyard
