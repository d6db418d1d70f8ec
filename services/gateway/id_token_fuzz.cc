// ID tokens of strangers: what is read of them before, and after, their signature was looked at.
//
// An input is a header, claims and a signature, one a line; what has fewer lines is a whole token.
#include <cstdint>
#include <string_view>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/status.h"
#include "services/gateway/external_user.h"
#include "services/gateway/id_token.h"
#include "services/gateway/member_name.h"

namespace stackyard::gateway {
namespace {

// What must hold of whatever is read.
void Insist(bool holds) {
  if (!holds) __builtin_trap();
}

std::string ToToken(absl::string_view input) {
  const std::vector<absl::string_view> lines = absl::StrSplit(input, absl::MaxSplits('\n', 2));
  if (lines.size() < 3) return std::string(input);
  return absl::StrCat(absl::WebSafeBase64Escape(lines[0]), ".", absl::WebSafeBase64Escape(lines[1]),
                      ".", absl::WebSafeBase64Escape(lines[2]));
}

void Read(const IdToken& token, const OidcProvider& provider) {
  const absl::StatusOr<ExternalUser> user = ReadExternalUser(token, provider);
  if (!user.ok()) return Insist(ReasonOf(user.status()) == v1::TOKEN_INVALID);
  Insist(IsUserId(user->user_id));
  Insist(user->display_name.size() <= 100);
  if (!user->groups) return;
  for (const std::string& group : *user->groups) Insist(IsGroupName(group));
}

void Run(absl::string_view input) {
  const std::string text = ToToken(input);
  const absl::StatusOr<IdToken> token = ParseIdToken(text);
  if (!token.ok()) return Insist(ReasonOf(token.status()) == v1::TOKEN_INVALID);
  Insist(LooksLikeIdToken(text));
  Insist(token->algorithm == "RS256" || token->algorithm == "ES256");
  Insist(!token->issuer.empty() && !token->subject.empty() && !token->audiences.empty());

  OidcProvider provider;
  provider.issuer = token->issuer;
  provider.audiences = {"stackyard"};
  provider.groups_claim = "realm_access.roles";
  const absl::Status fit = CheckIdToken(*token, provider, absl::FromUnixSeconds(1'800'000'000));
  Insist(fit.ok() || ReasonOf(fit) == v1::TOKEN_INVALID);
  Read(*token, provider);
  provider.groups_claim = "groups";
  provider.username_claim = "preferred_username";
  provider.allowed_domains = {"example.com"};
  Read(*token, provider);
}

}  // namespace
}  // namespace stackyard::gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  stackyard::gateway::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
