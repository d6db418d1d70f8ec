// Every call passes here before anything else is done with it.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "common/clock.h"
#include "services/gateway/access.h"
#include "services/gateway/call_limits.h"
#include "services/gateway/caller_cache.h"
#include "services/gateway/denial_log.h"

namespace stackyard::gateway {

// What is known of a call besides its route.
struct CallInfo {
  std::string request_id;
  // Who has the connection; see ClientAddresses::Find.
  std::string peer;
  // The header x-forwarded-for; empty: none.
  std::string forwarded_for = {};
};

class Guard {
 public:
  Guard(CallerCache& callers, CallLimits& limits, DenialLog& denials, const Clock& clock)
      : callers_(callers), limits_(limits), denials_(denials), clock_(clock) {}

  // Finds out who calls from the value of the `authorization` header, empty when there is none.
  // Refuses with TOKEN_INVALID unless the route is open to everybody; then `done` gets a null
  // pointer for a caller without a valid token. RATE_LIMITED with a RetryInfo when the address or
  // the user calls too often. `done` may be called before this returns.
  void Authenticate(const Route& route, std::string_view authorization, const CallInfo& call,
                    CallerCache::Done done);

  // Decides whether the caller may do this to `resource`; see Decide. A refusal is recorded.
  absl::StatusOr<Principal> Authorize(const Route& route, const Caller* caller,
                                      std::string_view resource, const CallInfo& call);

  // Asks again, of a call that was let in and still goes on, whether its caller may do this:
  // neither counted nor recorded. `done` gets OK where nobody can tell right now, and may be called
  // before this returns, or later on another thread.
  void Recheck(const Route& route, std::string_view authorization, std::string_view resource,
               std::function<void(const absl::Status&)> done);

  // Records what was refused. Whoever forwards calls does so too for what was let through here and
  // a backend refuses with PERMISSION_DENIED.
  void RecordDenial(const Route& route, const Caller* caller, std::string_view resource,
                    const absl::Status& why, const CallInfo& call);

 private:
  void OnCaller(const Route& route, bool sent, const CallInfo& call, const ClientAddress& address,
                absl::StatusOr<CallerPtr> caller, const CallerCache::Done& done);
  // Records the first of a row of refusals: a flood must not become a flood of rows.
  absl::Status RecordLimit(const Route& route, const Caller* caller,
                           const CallLimits::Verdict& verdict, const CallInfo& call);

  CallerCache& callers_;
  CallLimits& limits_;
  DenialLog& denials_;
  const Clock& clock_;
};

}  // namespace stackyard::gateway
