#include "common/trace_context.h"

#include <algorithm>
#include <cstring>

#include "absl/random/random.h"

namespace stackyard {
namespace {

constexpr size_t kSize = 55;
constexpr size_t kMostSize = 256;
constexpr size_t kTraceAt = 3;
constexpr size_t kSpanAt = 36;
constexpr size_t kFlagsAt = 53;
constexpr uint8_t kSampled = 1;

// 0 to 15; 16 for anything but a digit or a to f.
uint8_t FromHex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

template <size_t N>
bool ReadHex(std::string_view text, std::array<uint8_t, N>& bytes) {
  for (size_t i = 0; i < N; ++i) {
    const uint8_t high = FromHex(text[2 * i]);
    const uint8_t low = FromHex(text[2 * i + 1]);
    if (high > 15 || low > 15) return false;
    bytes[i] = high << 4 | low;
  }
  return true;
}

template <size_t N>
void WriteHex(const std::array<uint8_t, N>& bytes, char* text) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (const uint8_t byte : bytes) {
    *text++ = kDigits[byte >> 4];
    *text++ = kDigits[byte & 15];
  }
}

template <size_t N>
bool IsZero(const std::array<uint8_t, N>& bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

// Ids tell traces apart and guard nothing: a generator in memory will do, seeded by the system's.
template <size_t N>
void FillRandom(std::array<uint8_t, N>& bytes) {
  thread_local absl::BitGen generator;
  do {
    for (size_t i = 0; i < N; i += sizeof(uint64_t)) {
      const uint64_t bits = generator();
      std::memcpy(bytes.data() + i, &bits, sizeof(bits));
    }
  } while (IsZero(bytes));
}

}  // namespace

std::optional<TraceContext> TraceContext::Parse(std::string_view text) {
  if (text.size() < kSize || text.size() > kMostSize) return std::nullopt;
  if (text[2] != '-' || text[kSpanAt - 1] != '-' || text[kFlagsAt - 1] != '-') return std::nullopt;
  std::array<uint8_t, 1> version{};
  std::array<uint8_t, 1> flags{};
  TraceContext context;
  if (!ReadHex(text, version) || !ReadHex(text.substr(kTraceAt), context.trace_id) ||
      !ReadHex(text.substr(kSpanAt), context.span_id) || !ReadHex(text.substr(kFlagsAt), flags)) {
    return std::nullopt;
  }
  if (version[0] == 0xff || IsZero(context.trace_id) || IsZero(context.span_id)) {
    return std::nullopt;
  }
  if (text.size() > kSize && (version[0] == 0 || text[kSize] != '-')) return std::nullopt;
  const bool printable =
      std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (!printable) return std::nullopt;
  context.sampled = (flags[0] & kSampled) != 0;
  return context;
}

TraceContext TraceContext::New(bool sampled) {
  TraceContext context;
  FillRandom(context.trace_id);
  FillRandom(context.span_id);
  context.sampled = sampled;
  return context;
}

TraceContext TraceContext::Next() const {
  TraceContext context = *this;
  FillRandom(context.span_id);
  return context;
}

std::string TraceContext::Format() const {
  std::string text = "00-00000000000000000000000000000000-0000000000000000-00";
  WriteHex(trace_id, text.data() + kTraceAt);
  WriteHex(span_id, text.data() + kSpanAt);
  if (sampled) text.back() = '1';
  return text;
}

bool IsSampled(std::string_view traceparent) {
  return traceparent.size() >= kSize && (FromHex(traceparent[kFlagsAt + 1]) & kSampled) != 0;
}

}  // namespace stackyard
