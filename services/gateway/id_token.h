// ID tokens of OpenID Connect: what is in one, and whether it is meant for us now. Nothing here
// looks at the signature.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/gateway/oidc_provider.h"

namespace stackyard::gateway {

// How far the issuer's clock may be from ours.
inline constexpr absl::Duration kClockSkew = absl::Seconds(60);

struct IdToken {
  // As it was sent: three parts in base64url.
  std::string text;
  // Of the header; `key_id` may be empty.
  std::string algorithm;
  std::string key_id;

  std::string issuer;
  std::string subject;
  std::vector<std::string> audiences;
  // Client that it was made for; empty: not told.
  std::string authorized_party;
  absl::Time issue_time;
  absl::Time expire_time;
  // InfinitePast: not told.
  absl::Time not_before;
  // All claims, an object.
  nlohmann::json claims;
};

// Whether a text could be an ID token; what cannot be needs no look.
bool LooksLikeIdToken(std::string_view text);

// Takes a token apart. TOKEN_INVALID tells what is wrong: no compact JWS of at most 16 KiB, an
// algorithm other than RS256 and ES256 (so never `none`, and no HMAC), a `typ` that says it is no
// ID token, extensions that must be understood (`crit`), or a claim that OpenID Connect requires
// and that is missing or of another type.
absl::StatusOr<IdToken> ParseIdToken(std::string_view text);

// TOKEN_INVALID unless the provider, whose token it is, allows the algorithm, and the token is for
// one of its audiences and good at `now`.
absl::Status CheckIdToken(const IdToken& token, const OidcProvider& provider, absl::Time now);

}  // namespace stackyard::gateway
