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
  ClientAddress address = limits_.addresses().Find(call.peer, call.forwarded_for);
  if (const CallLimits::Verdict verdict = limits_.AdmitAddress(address); !verdict.status.ok()) {
    return done(RecordLimit(route, nullptr, verdict, call));
  }
  callers_.Find(ReadBearer(authorization),
                [this, &route, sent, call, address = std::move(address),
                 done = std::move(done)](absl::StatusOr<CallerPtr> caller) {
                  OnCaller(route, sent, call, address, std::move(caller), done);
                });
}

void Guard::Recheck(const Route& route, std::string_view authorization, std::string_view resource,
                    std::function<void(const absl::Status&)> done) {
  callers_.Find(ReadBearer(authorization),
                [&route, resource = std::string(resource),
                 done = std::move(done)](const absl::StatusOr<CallerPtr>& caller) {
                  if (!caller.ok()) {
                    const bool refused = ReasonOf(caller.status()) == v1::TOKEN_INVALID;
                    return done(refused ? caller.status() : absl::OkStatus());
                  }
                  if (*caller == nullptr) return done(NoToken(true));
                  done(Decide(route, caller->get(), resource).status());
                });
}

void Guard::OnCaller(const Route& route, bool sent, const CallInfo& call,
                     const ClientAddress& address, absl::StatusOr<CallerPtr> caller,
                     const CallerCache::Done& done) {
  if (caller.ok() && *caller == nullptr) caller = NoToken(sent);
  if (ReasonOf(caller.status()) == v1::TOKEN_INVALID && sent) limits_.ChargeFailure(address);
  if (!caller.ok()) {
    // What is open to everybody needs no identity database.
    if (route.audience == Audience::kPublic) return done(nullptr);
    if (ReasonOf(caller.status()) == v1::TOKEN_INVALID) {
      RecordDenial(route, nullptr, "", caller.status(), call);
    }
    return done(caller.status());
  }
  if (const CallLimits::Verdict verdict = limits_.AdmitUser((*caller)->user);
      !verdict.status.ok()) {
    return done(RecordLimit(route, caller->get(), verdict, call));
  }
  done(std::move(caller));
}

absl::Status Guard::RecordLimit(const Route& route, const Caller* caller,
                                const CallLimits::Verdict& verdict, const CallInfo& call) {
  if (verdict.first) RecordDenial(route, caller, "", verdict.status, call);
  return verdict.status;
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
  google::rpc::ErrorInfo info;
  ReadDetail(why, info);
  // A backend may have asked for another one than the route.
  const auto missing = info.metadata().find("permission");
  const std::string& permission =
      missing == info.metadata().end() ? route.permission : missing->second;
  denials_.Record({clock_.TimeNow(), caller == nullptr ? "" : absl::StrCat("users/", caller->user),
                   route.method, std::string(resource), permission,
                   v1::ErrorReason_Name(ReasonOf(why)), call.request_id,
                   limits_.addresses().Find(call.peer, call.forwarded_for).text});
}

}  // namespace stackyard::gateway
