#include "services/gateway/guard.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace stackyard::gateway {
namespace {

// The token of `Bearer {token}`; empty for anything else.
std::string ReadBearer(std::string_view authorization) {
  absl::string_view value(authorization.data(), authorization.size());
  constexpr absl::string_view kScheme = "bearer ";
  if (!absl::StartsWithIgnoreCase(value, kScheme)) return "";
  value.remove_prefix(kScheme.size());
  return std::string(absl::StripAsciiWhitespace(value));
}

absl::Status NoToken(bool sent) {
  return Error(v1::TOKEN_INVALID, sent ? "the token is unknown, expired or revoked"
                                       : "send a token as `authorization: Bearer ...`");
}

}  // namespace

void Guard::Authenticate(const Route& route, std::string_view authorization, const CallInfo& call,
                         CallerCache::Done done) {
  const bool sent = !authorization.empty();
  callers_.Find(ReadBearer(authorization), [this, &route, sent, call, done = std::move(done)](
                                               absl::StatusOr<CallerPtr> caller) {
    const bool open = route.audience == Audience::kPublic;
    // What is open to everybody needs no identity database.
    if (!caller.ok() && open) caller = nullptr;
    if (caller.ok() && *caller == nullptr && !open) {
      const absl::Status why = NoToken(sent);
      RecordDenial(route, nullptr, "", why, call);
      return done(why);
    }
    done(std::move(caller));
  });
}

absl::StatusOr<Principal> Guard::Authorize(const Route& route, const Caller* caller,
                                           std::string_view resource, const CallInfo& call) {
  absl::StatusOr<Principal> principal = Decide(route, caller, resource);
  if (principal.ok()) {
    principal->set_request_id(call.request_id);
  } else if (!absl::IsInvalidArgument(principal.status())) {
    RecordDenial(route, caller, resource, principal.status(), call);
  }
  return principal;
}

void Guard::RecordDenial(const Route& route, const Caller* caller, std::string_view resource,
                         const absl::Status& why, const CallInfo& call) {
  denials_.Record({clock_.TimeNow(), caller == nullptr ? "" : absl::StrCat("users/", caller->user),
                   route.method, std::string(resource), route.permission,
                   v1::ErrorReason_Name(ReasonOf(why)), call.request_id, call.peer});
}

}  // namespace stackyard::gateway
