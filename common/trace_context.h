// W3C trace context: which trace a piece of work belongs to, and which span of it is at work.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stackyard {

struct TraceContext {
  // Neither is all zeros.
  std::array<uint8_t, 16> trace_id{};
  std::array<uint8_t, 8> span_id{};
  // Whether the spans of the trace are recorded.
  bool sampled = false;

  // Reads `00-{32 hex}-{16 hex}-{2 hex}`, or a later version, which may be longer; nothing for what
  // is malformed.
  static std::optional<TraceContext> Parse(std::string_view traceparent);
  // A trace of its own.
  static TraceContext New(bool sampled);
  // Another span of the same trace.
  TraceContext Next() const;
  // As version 00.
  std::string Format() const;
};

// Whether a well-formed traceparent says that its trace is recorded; false for an empty one.
bool IsSampled(std::string_view traceparent);

}  // namespace stackyard
