#include "services/gateway/call_headers.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/id.h"
#include "common/principal.h"
#include "common/status.h"
#include "common/trace_context.h"

namespace stackyard::gateway {
namespace {

constexpr std::chrono::nanoseconds kLongest = std::chrono::nanoseconds::max();
// Bytes of x-forwarded-for that are read.
constexpr size_t kMostForwarded = 1024;

bool IsPrintable(std::string_view text, size_t most) {
  return !text.empty() && text.size() <= most &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

// Nanoseconds in a unit of `grpc-timeout`; 0 for anything else.
int64_t UnitOf(char unit) {
  switch (unit) {
    case 'H':
      return 3'600'000'000'000;
    case 'M':
      return 60'000'000'000;
    case 'S':
      return 1'000'000'000;
    case 'm':
      return 1'000'000;
    case 'u':
      return 1'000;
    case 'n':
      return 1;
    default:
      return 0;
  }
}

std::optional<std::chrono::nanoseconds> ParseTimeout(std::string_view text) {
  if (text.size() < 2 || text.size() > 9) return std::nullopt;
  const int64_t unit = UnitOf(text.back());
  text.remove_suffix(1);
  if (unit == 0 || text.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  int64_t count = 0;
  if (!absl::SimpleAtoi(absl::string_view(text.data(), text.size()), &count)) return std::nullopt;
  return count > kLongest.count() / unit ? kLongest : std::chrono::nanoseconds(count * unit);
}

}  // namespace

void CallHeaders::Single(std::string& field, unsigned bit, std::string_view value) {
  if ((std::exchange(seen_, seen_ | bit) & bit) != 0) {
    field.clear();
  } else {
    field = value;
  }
}

void CallHeaders::Add(std::string_view name, std::string_view value) {
  bytes_ += name.size() + value.size() + 32;
  if (name == ":path") {
    path = value;
  } else if (name == ":method") {
    post_ = value == "POST";
  } else if (name == "content-type") {
    grpc_content_ = value == "application/grpc" || value.starts_with("application/grpc+") ||
                    value.starts_with("application/grpc;");
  } else if (name == "grpc-timeout") {
    Single(timeout_, 1, value);
  } else if (name == "authorization") {
    Single(authorization, 2, value);
  } else if (name == kRequestIdKey) {
    Single(request_id, 4, value);
  } else if (name == kTraceparentKey) {
    Single(traceparent, 8, value);
  } else if (name == "tracestate") {
    Single(tracestate, 16, value);
  } else if (name == "x-forwarded-for") {
    forwarded_bytes_ += value.size() + 1;
    if (forwarded_bytes_ > kMostForwarded) {
      forwarded_for.clear();
    } else {
      absl::StrAppend(&forwarded_for, forwarded_for.empty() ? "" : ",",
                      absl::string_view(value.data(), value.size()));
    }
  }
}

absl::Status CallHeaders::Complete() {
  if (!IsPrintable(request_id, 128)) request_id = RandomId(20);
  if (!TraceContext::Parse(traceparent)) {
    traceparent = TraceContext::New(false).Format();
    begins_trace = true;
    tracestate.clear();
  }
  if (!IsPrintable(tracestate, 512)) tracestate.clear();
  if (timeout_.empty()) return absl::OkStatus();
  timeout = ParseTimeout(timeout_);
  if (!timeout) return InvalidField("grpc-timeout", "must be up to 8 digits and a unit of HMSmun");
  return absl::OkStatus();
}

void CallHeaders::PassOn(HeaderList& headers) const {
  headers.AddOnce(kRequestIdKey, request_id);
  headers.AddOnce(kTraceparentKey, traceparent);
  if (!tracestate.empty()) headers.AddOnce("tracestate", tracestate);
}

std::string FormatTimeout(std::chrono::nanoseconds left) {
  constexpr int64_t kMost = 99'999'999;
  constexpr std::array<std::pair<char, int64_t>, 5> kUnits = {
      {{'n', 1}, {'u', 1'000}, {'m', 1'000'000}, {'S', 1'000'000'000}, {'M', 60'000'000'000}}};
  const int64_t count = std::max<int64_t>(left.count(), 1);
  for (const auto& [unit, size] : kUnits) {
    // Up, so that the deadline of who asked comes first.
    if (const int64_t whole = (count - 1) / size + 1; whole <= kMost) {
      return absl::StrCat(whole, std::string(1, unit));
    }
  }
  return absl::StrCat(kMost, "H");
}

}  // namespace stackyard::gateway
