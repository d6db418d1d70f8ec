#include "cli/token_source.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "cli/login_store.h"
#include "common/status_macros.h"

namespace stackyard::cli {
namespace {

// A call may take a while until it is looked at, and clocks differ.
constexpr absl::Duration kMargin = absl::Minutes(1);

absl::Status LoggedOut(const std::string& context, const std::string& why) {
  return absl::UnauthenticatedError(absl::StrCat("context ", context, ": ", why));
}

}  // namespace

TokenSource TokenSource::OfContext(const Environment& environment, const std::string& context) {
  TokenSource source(environment, "");
  source.context_ = context;
  source.until_ = absl::InfinitePast();
  return source;
}

absl::StatusOr<std::string> TokenSource::Token() {
  if (environment_.clock.TimeNow() < until_) return token_;
  ASSIGN_OR_RETURN(token_, Fresh());
  return token_;
}

absl::StatusOr<std::string> TokenSource::Fresh() {
  const LoginStore store(environment_);
  const absl::Time now = environment_.clock.TimeNow();
  ASSIGN_OR_RETURN(std::optional<Login> login, store.Read(context_));
  if (!login.has_value() || !login->token.empty()) {
    until_ = absl::InfiniteFuture();
    return login.has_value() ? login->token : std::string();
  }
  until_ = EndOf(login->id_token) - kMargin;
  if (now < until_) return login->id_token;

  ASSIGN_OR_RETURN(const FileLock lock, store.Lock(context_));
  // Another process may have done it meanwhile, or logged out.
  ASSIGN_OR_RETURN(login, store.Read(context_));
  if (!login.has_value()) return LoggedOut(context_, "logged out meanwhile");
  until_ = EndOf(login->id_token) - kMargin;
  if (now < until_ || !login->token.empty()) {
    return login->token.empty() ? login->id_token : login->token;
  }
  const bool valid = now < until_ + kMargin;
  if (login->refresh_token.empty()) {
    if (valid) return login->id_token;
    return LoggedOut(context_, "the login has expired");
  }
  absl::StatusOr<OidcTokens> tokens = [&]() -> absl::StatusOr<OidcTokens> {
    ASSIGN_OR_RETURN(const ProviderEndpoints endpoints, Discover(environment_, login->provider));
    return RefreshTokens(environment_, login->provider, endpoints, login->refresh_token);
  }();
  if (!tokens.ok()) {
    // It works a little longer, and so may the provider again.
    if (valid) return login->id_token;
    return tokens.status();
  }
  login->id_token = tokens->id_token;
  login->refresh_token = tokens->refresh_token;
  RETURN_IF_ERROR(store.Write(context_, *login));
  until_ = EndOf(login->id_token) - kMargin;
  return login->id_token;
}

}  // namespace stackyard::cli
