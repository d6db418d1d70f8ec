#include "services/gateway/call_headers.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/id.h"

namespace stackyard::gateway {
namespace {

std::string Single(const CallHeaders::Metadata& metadata, std::string_view key) {
  const auto range = metadata.equal_range(grpc::string_ref(key.data(), key.size()));
  if (range.first == range.second || std::next(range.first) != range.second) return "";
  return std::string(range.first->second.data(), range.first->second.size());
}

std::string Joined(const CallHeaders::Metadata& metadata, std::string_view key, size_t most) {
  std::string joined;
  const auto range = metadata.equal_range(grpc::string_ref(key.data(), key.size()));
  for (auto it = range.first; it != range.second; ++it) {
    if (it->second.size() > most) return "";
    absl::StrAppend(&joined, joined.empty() ? "" : ",",
                    absl::string_view(it->second.data(), it->second.size()));
  }
  return joined.size() > most ? "" : joined;
}

bool IsPrintable(const std::string& text, size_t most) {
  return !text.empty() && text.size() <= most &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

bool IsLowerHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f'); });
}

// `00-{32 hex}-{16 hex}-{2 hex}`; later versions may be longer.
bool IsTraceparent(std::string_view text) {
  constexpr size_t kSize = 55;
  if (text.size() < kSize || text.size() > 256 || !IsPrintable(std::string(text), 256))
    return false;
  if (text.size() > kSize && (text.starts_with("00") || text[kSize] != '-')) return false;
  const std::string_view trace = text.substr(3, 32);
  const std::string_view parent = text.substr(36, 16);
  return text[2] == '-' && text[35] == '-' && text[52] == '-' && IsLowerHex(text.substr(0, 2)) &&
         IsLowerHex(trace) && IsLowerHex(parent) && IsLowerHex(text.substr(53, 2)) &&
         !text.starts_with("ff") && trace.find_first_not_of('0') != std::string_view::npos &&
         parent.find_first_not_of('0') != std::string_view::npos;
}

std::string NewTraceparent(const std::string& request_id) {
  const std::string random = Sha256Hex(absl::StrCat(request_id, RandomId(16)));
  return absl::StrCat("00-", random.substr(0, 32), "-", random.substr(32, 16), "-01");
}

}  // namespace

CallHeaders CallHeaders::Read(const Metadata& metadata) {
  CallHeaders headers;
  headers.authorization = Single(metadata, "authorization");
  headers.request_id = Single(metadata, kRequestIdKey);
  if (!IsPrintable(headers.request_id, 128)) headers.request_id = RandomId(20);
  headers.forwarded_for = Joined(metadata, "x-forwarded-for", 1024);
  headers.traceparent = Single(metadata, kTraceparentKey);
  if (IsTraceparent(headers.traceparent)) {
    headers.tracestate = Single(metadata, "tracestate");
    if (!IsPrintable(headers.tracestate, 512)) headers.tracestate.clear();
  } else {
    headers.traceparent = NewTraceparent(headers.request_id);
  }
  return headers;
}

void CallHeaders::PassOn(const Principal& principal, grpc::ClientContext& context) const {
  context.AddMetadata(kPrincipalKey, principal.SerializeAsString());
  context.AddMetadata(kRequestIdKey, request_id);
  context.AddMetadata(kTraceparentKey, traceparent);
  if (!tracestate.empty()) context.AddMetadata("tracestate", tracestate);
}

}  // namespace stackyard::gateway
