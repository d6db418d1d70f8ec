#include "cli/oidc.h"

#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cli/errors.h"
#include "common/status_macros.h"

namespace stackyard::cli {
namespace {

using Json = nlohmann::json;

constexpr char kDeviceGrant[] = "urn:ietf:params:oauth:grant-type:device_code";

// A text of an object; empty when it is not there or no text.
std::string Text(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// More than 0, else `otherwise`.
absl::Duration SecondsOf(const Json& object, const char* key, absl::Duration otherwise) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return otherwise;
  const double seconds = found->get<double>();
  return seconds > 0 && seconds < 1e6 ? absl::Seconds(seconds) : otherwise;
}

struct Said {
  int status = 0;
  Json body;
  // Code of RFC 6749, 5.2; empty: none.
  std::string error;

  // The error as people read it.
  std::string ErrorText() const {
    const std::string more = Text(body, "error_description");
    if (error.empty()) return absl::StrCat("HTTP status ", status);
    return more.empty() ? error : absl::StrCat(error, ": ", more);
  }
};

absl::StatusOr<Said> Ask(const Environment& environment, const ProviderClient& client,
                         const std::string& url, const std::string& form) {
  HttpCall call;
  call.url = url;
  call.form = form;
  call.ca_file = client.ca_file;
  call.interrupted = environment.interrupted;
  absl::StatusOr<HttpAnswer> answer = environment.http(call);
  if (environment.interrupted()) return Interrupted("Interrupted; nothing was changed.");
  if (!answer.ok()) return answer.status();
  Said said;
  said.status = answer->status;
  said.body = Json::parse(answer->body, nullptr, /*allow_exceptions=*/false);
  if (!said.body.is_object()) said.body = Json::object();
  said.error = Text(said.body, "error");
  return said;
}

absl::Status NotAsExpected(const ProviderClient& client, const std::string& what) {
  return absl::FailedPreconditionError(absl::StrCat(client.issuer, ": ", what));
}

absl::StatusOr<OidcTokens> TokensIn(const ProviderClient& client, const Json& body,
                                    const std::string& old_refresh_token) {
  OidcTokens tokens{Text(body, "id_token"), Text(body, "refresh_token")};
  if (tokens.id_token.empty()) {
    return NotAsExpected(client,
                         "the answer holds no ID token; is the scope openid among its scopes?");
  }
  // Providers that do not rotate leave it out.
  if (tokens.refresh_token.empty()) tokens.refresh_token = old_refresh_token;
  return tokens;
}

}  // namespace

absl::StatusOr<ProviderEndpoints> Discover(const Environment& environment,
                                           const ProviderClient& client) {
  const std::string base(absl::StripSuffix(client.issuer, "/"));
  ASSIGN_OR_RETURN(const Said said,
                   Ask(environment, client, base + "/.well-known/openid-configuration", ""));
  if (said.status != 200 || said.body.empty()) {
    return NotAsExpected(
        client,
        absl::StrCat("no OpenID Connect provider answers there (HTTP status ", said.status, ")"));
  }
  // Who answers for somebody else could hand our codes on.
  if (Text(said.body, "issuer") != client.issuer) {
    return NotAsExpected(client, absl::StrCat("calls itself ", Text(said.body, "issuer")));
  }
  ProviderEndpoints endpoints{Text(said.body, "device_authorization_endpoint"),
                              Text(said.body, "token_endpoint")};
  if (endpoints.token.empty()) return NotAsExpected(client, "tells no token_endpoint");
  return endpoints;
}

absl::StatusOr<DeviceCode> AskForDeviceCode(const Environment& environment,
                                            const ProviderClient& client,
                                            const ProviderEndpoints& endpoints) {
  if (endpoints.device_authorization.empty()) {
    return NotAsExpected(client, "does not do the device code flow; log in with --token-stdin");
  }
  const std::string form =
      FormText({{"client_id", client.client_id}, {"scope", absl::StrJoin(client.scopes, " ")}});
  ASSIGN_OR_RETURN(const Said said, Ask(environment, client, endpoints.device_authorization, form));
  if (said.status != 200) {
    return NotAsExpected(client, absl::StrCat("gives no code: ", said.ErrorText()));
  }
  DeviceCode code;
  code.device_code = Text(said.body, "device_code");
  code.user_code = Text(said.body, "user_code");
  code.verification_uri = Text(said.body, "verification_uri");
  // What some providers called it before the RFC.
  if (code.verification_uri.empty()) code.verification_uri = Text(said.body, "verification_url");
  code.verification_uri_complete = Text(said.body, "verification_uri_complete");
  code.lives = SecondsOf(said.body, "expires_in", code.lives);
  code.interval = SecondsOf(said.body, "interval", code.interval);
  if (code.device_code.empty() || code.user_code.empty() || code.verification_uri.empty()) {
    return NotAsExpected(client, "gives an incomplete code");
  }
  return code;
}

absl::StatusOr<OidcTokens> AwaitDevice(const Environment& environment, const ProviderClient& client,
                                       const ProviderEndpoints& endpoints, const DeviceCode& code) {
  const absl::Time until = environment.clock.TimeNow() + code.lives;
  const std::string form = FormText({{"grant_type", kDeviceGrant},
                                     {"device_code", code.device_code},
                                     {"client_id", client.client_id}});
  absl::Duration interval = code.interval;
  while (environment.clock.TimeNow() < until) {
    environment.pause(interval);
    if (environment.interrupted()) return Interrupted("Interrupted; nothing was changed.");
    const absl::StatusOr<Said> said = Ask(environment, client, endpoints.token, form);
    if (!said.ok()) {
      if (said.status().code() != absl::StatusCode::kUnavailable) return said.status();
      // RFC 8628, 3.5: after a broken connection ask less often, and go on.
      interval *= 2;
      continue;
    }
    if (said->status == 200) return TokensIn(client, said->body, "");
    if (said->error == "authorization_pending") continue;
    if (said->error == "slow_down") {
      interval += absl::Seconds(5);
    } else if (said->error == "access_denied") {
      return absl::PermissionDeniedError("the request was denied in the browser");
    } else if (said->error == "expired_token") {
      break;
    } else {
      return NotAsExpected(client, absl::StrCat("gives no token: ", said->ErrorText()));
    }
  }
  return absl::DeadlineExceededError("the code has expired; run the command again");
}

absl::StatusOr<OidcTokens> RefreshTokens(const Environment& environment,
                                         const ProviderClient& client,
                                         const ProviderEndpoints& endpoints,
                                         const std::string& refresh_token) {
  const std::string form = FormText({{"grant_type", "refresh_token"},
                                     {"refresh_token", refresh_token},
                                     {"client_id", client.client_id}});
  ASSIGN_OR_RETURN(const Said said, Ask(environment, client, endpoints.token, form));
  if (said.status == 200) return TokensIn(client, said.body, refresh_token);
  if (said.status >= 500) {
    return absl::UnavailableError(absl::StrCat(client.issuer, ": ", said.ErrorText()));
  }
  return absl::UnauthenticatedError(absl::StrCat("the login has expired (", said.ErrorText(), ")"));
}

absl::Time EndOf(const std::string& id_token) {
  const std::vector<std::string> parts = absl::StrSplit(id_token, '.');
  std::string payload;
  if (parts.size() != 3 || !absl::WebSafeBase64Unescape(parts[1], &payload)) {
    return absl::InfinitePast();
  }
  const Json claims = Json::parse(payload, nullptr, /*allow_exceptions=*/false);
  if (!claims.is_object()) return absl::InfinitePast();
  const auto exp = claims.find("exp");
  if (exp == claims.end() || !exp->is_number()) return absl::InfinitePast();
  return absl::FromUnixSeconds(exp->get<int64_t>());
}

}  // namespace stackyard::cli
