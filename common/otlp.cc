#include "common/otlp.h"

#include <algorithm>

#include "common/version.h"
#include "stackyard/internal/v1/trace_export.pb.h"

namespace stackyard {
namespace {

using internal::v1::TraceExport;
using internal::v1::TraceSpan;

// Bits of OTLP's flags above those of W3C: whether the parent is remote is known, and is so.
constexpr uint32_t kSampled = 1;
constexpr uint32_t kRemoteIsKnown = 0x100;
constexpr uint32_t kRemote = 0x200;

template <size_t N>
std::string Bytes(const std::array<uint8_t, N>& id) {
  return {reinterpret_cast<const char*>(id.data()), id.size()};
}

template <size_t N>
bool IsZero(const std::array<uint8_t, N>& id) {
  return std::all_of(id.begin(), id.end(), [](uint8_t byte) { return byte == 0; });
}

void Encode(const SpanRecord::Value& value, internal::v1::TraceAttribute::Value& encoded) {
  if (const auto* text = std::get_if<std::string>(&value)) encoded.set_string_value(*text);
  if (const auto* number = std::get_if<int64_t>(&value)) encoded.set_int_value(*number);
  if (const auto* flag = std::get_if<bool>(&value)) encoded.set_bool_value(*flag);
}

void Encode(const SpanRecord& span, TraceSpan& encoded) {
  encoded.set_trace_id(Bytes(span.context.trace_id));
  encoded.set_span_id(Bytes(span.context.span_id));
  encoded.set_flags(kSampled | kRemoteIsKnown | (span.parent_is_remote ? kRemote : 0));
  if (!IsZero(span.parent)) encoded.set_parent_span_id(Bytes(span.parent));
  encoded.set_name(span.name);
  encoded.set_kind(static_cast<TraceSpan::Kind>(span.kind));
  encoded.set_start_time_unix_nano(static_cast<uint64_t>(span.start));
  // A clock that was set back must not make a time before the start.
  encoded.set_end_time_unix_nano(static_cast<uint64_t>(std::max(span.start, span.end)));
  for (const auto& [key, value] : span.attributes) {
    auto& attribute = *encoded.add_attributes();
    attribute.set_key(std::string(key));
    Encode(value, *attribute.mutable_value());
  }
  for (const TraceContext& other : span.links) {
    TraceSpan::Link& link = *encoded.add_links();
    link.set_trace_id(Bytes(other.trace_id));
    link.set_span_id(Bytes(other.span_id));
  }
  if (!span.failed) return;
  encoded.mutable_status()->set_code(TraceSpan::Status::ERROR);
  encoded.mutable_status()->set_message(span.message);
}

}  // namespace

std::string EncodeSpans(const TraceResource& resource, const std::vector<SpanRecord>& spans) {
  TraceExport request;
  auto& process = *request.add_resource_spans();
  for (const auto& [key, value] : resource) {
    auto& attribute = *process.mutable_resource()->add_attributes();
    attribute.set_key(key);
    attribute.mutable_value()->set_string_value(value);
  }
  auto& scope = *process.add_scope_spans();
  scope.mutable_scope()->set_name("stackyard");
  scope.mutable_scope()->set_version(std::string(kVersion));
  for (const SpanRecord& span : spans) Encode(span, *scope.add_spans());
  return request.SerializeAsString();
}

}  // namespace stackyard
