// What an issuer's claims say about somebody.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/gateway/id_token.h"
#include "services/gateway/oidc_provider.h"

namespace stackyard::gateway {

struct ExternalUser {
  std::string issuer;
  // Who it is, for ever; all below may change.
  std::string subject;
  // Id that a new user gets.
  std::string user_id;
  std::string display_name;
  // Empty: not told, or nobody has checked that it is theirs.
  std::string email;
  // Nothing: groups are not this provider's to tell.
  std::optional<std::vector<std::string>> groups;
  absl::Time issue_time;
  // When the token ends, the skew of clocks included.
  absl::Time expire_time;
  // See OidcProvider.
  bool link_existing = false;
};

using ExternalUserPtr = std::shared_ptr<const ExternalUser>;

// Reads the claims of a token that was checked and verified. TOKEN_INVALID, with what an operator
// can do about it, where no id can be made from them, or the provider's rules keep the person out.
absl::StatusOr<ExternalUser> ReadExternalUser(const IdToken& token, const OidcProvider& provider);

}  // namespace stackyard::gateway
