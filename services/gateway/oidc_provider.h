// The OpenID Connect providers that an operator trusts: the file of --oidc-file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace stackyard::gateway {

struct OidcProvider {
  // An https URL; http for this machine alone. Tokens and discovery must name exactly this.
  std::string issuer;
  // Of the public client that people log in with.
  std::string client_id;
  // Clients whose tokens are taken; by default `client_id`.
  std::vector<std::string> audiences;
  // By default the issuer.
  std::string display_name;
  // By default openid, profile and email.
  std::vector<std::string> scopes;
  // The claim that a user's id is made from; empty: the first that is there of email,
  // preferred_username and sub.
  std::string username_claim;
  // A list of groups, also within other claims (`realm_access.roles`); empty: groups are set by
  // hand.
  std::string groups_claim = "groups";
  // Put in front, so that two providers do not name the same user or group.
  std::string username_prefix;
  std::string groups_prefix;
  // Only people with an address in one of these get in; empty: all.
  std::vector<std::string> allowed_domains;
  // PEM file of the authorities that vouch for the issuer; empty: those of the system.
  std::string ca_file;
  // RS256, ES256.
  std::vector<std::string> algorithms = {"RS256", "ES256"};
  // A user made by hand who has no subject becomes the person of that name.
  bool link_existing = false;
};

// Reads a YAML list of providers. INVALID_ARGUMENT (INVALID_FIELD) names every fault with its line;
// keys that are not known are faults, and so is an issuer that comes twice.
absl::StatusOr<std::vector<OidcProvider>> ParseOidcProviders(const std::string& file,
                                                             std::string_view yaml);

// Same, for a file; none for an empty path. INVALID_ARGUMENT, one line, also where `ca_file` cannot
// be read.
absl::StatusOr<std::vector<OidcProvider>> LoadOidcProviders(const std::string& path);

}  // namespace stackyard::gateway
