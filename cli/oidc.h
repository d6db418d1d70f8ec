// What is said to an OpenID Connect provider: discovery, the device code flow (RFC 8628), and new
// ID tokens by a refresh token.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/environment.h"

namespace stackyard::cli {

// Where a provider listens.
struct ProviderEndpoints {
  std::string device_authorization;
  std::string token;
};

// Who asks whom.
struct ProviderClient {
  std::string issuer;
  std::string client_id;
  std::vector<std::string> scopes;
  // PEM file with the authorities of the provider; empty: those of the machine.
  std::string ca_file;
};

// What a person does in a browser.
struct DeviceCode {
  std::string device_code;
  std::string user_code;
  std::string verification_uri;
  // With the code in it; empty where the provider gives none.
  std::string verification_uri_complete;
  // From the answer on.
  absl::Duration lives = absl::Minutes(5);
  // Between two questions.
  absl::Duration interval = absl::Seconds(5);
};

struct OidcTokens {
  std::string id_token;
  // Empty where the provider gives none.
  std::string refresh_token;
};

// Reads `{issuer}/.well-known/openid-configuration`. UNAVAILABLE when there is no answer;
// FAILED_PRECONDITION when it is no provider, calls itself otherwise, or cannot do without a
// browser on this machine.
absl::StatusOr<ProviderEndpoints> Discover(const Environment& environment,
                                           const ProviderClient& client);

absl::StatusOr<DeviceCode> AskForDeviceCode(const Environment& environment,
                                            const ProviderClient& client,
                                            const ProviderEndpoints& endpoints);

// Asks until the person has answered, as slowly as the provider wants. PERMISSION_DENIED when they
// said no, DEADLINE_EXCEEDED when the code has expired, an interrupted error after Ctrl-C.
absl::StatusOr<OidcTokens> AwaitDevice(const Environment& environment, const ProviderClient& client,
                                       const ProviderEndpoints& endpoints, const DeviceCode& code);

// A new ID token, and the refresh token to use from now on. UNAUTHENTICATED when the provider takes
// it no more; UNAVAILABLE when there is no answer.
absl::StatusOr<OidcTokens> RefreshTokens(const Environment& environment,
                                         const ProviderClient& client,
                                         const ProviderEndpoints& endpoints,
                                         const std::string& refresh_token);

// When an ID token ends, by its own words; the infinite past when it says nothing readable.
absl::Time EndOf(const std::string& id_token);

}  // namespace stackyard::cli
