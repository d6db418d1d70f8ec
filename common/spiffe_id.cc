#include "common/spiffe_id.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace stackyard {
namespace {

// As SPIFFE has it.
constexpr size_t kLongest = 2048;

bool IsOf(absl::string_view text, absl::string_view more) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '.' || c == '-' || c == '_' ||
           absl::StrContains(more, c);
  });
}

bool IsSegment(absl::string_view text) {
  return IsOf(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") && text != "." && text != "..";
}

}  // namespace

absl::StatusOr<SpiffeId> ParseSpiffeId(std::string_view uri) {
  absl::string_view rest(uri.data(), uri.size());
  const auto fault = [&] {
    return absl::InvalidArgumentError(
        absl::StrCat("`", rest.substr(0, 200), "` is not spiffe://TRUST-DOMAIN/SERVICE"));
  };
  absl::string_view id = rest;
  if (uri.size() > kLongest || !absl::ConsumePrefix(&id, "spiffe://")) return fault();
  const std::vector<absl::string_view> parts = absl::StrSplit(id, '/');
  if (parts.size() < 2 || !IsOf(parts[0], "")) return fault();
  if (!std::all_of(parts.begin() + 1, parts.end(), IsSegment)) return fault();
  absl::string_view service = parts.back();
  absl::ConsumePrefix(&service, "stackyard-");
  if (service.empty()) return fault();
  rest.remove_suffix(parts.back().size() + 1);
  return SpiffeId{std::string(rest), std::string(service)};
}

}  // namespace stackyard
