// Every call passes here before anything else is done with it.
#pragma once

#include <string>
#include <string_view>

#include "common/clock.h"
#include "services/gateway/access.h"
#include "services/gateway/caller_cache.h"
#include "services/gateway/denial_log.h"

namespace stackyard::gateway {

// What is known of a call besides its route.
struct CallInfo {
  std::string request_id;
  std::string peer;
};

class Guard {
 public:
  Guard(CallerCache& callers, DenialLog& denials, const Clock& clock)
      : callers_(callers), denials_(denials), clock_(clock) {}

  // Finds out who calls from the value of the `authorization` header, empty when there is none.
  // Refuses with TOKEN_INVALID unless the route is open to everybody; then `done` gets a null
  // pointer for a caller without a valid token. `done` may be called before this returns.
  void Authenticate(const Route& route, std::string_view authorization, const CallInfo& call,
                    CallerCache::Done done);

  // Decides whether the caller may do this to `resource`; see Decide. A refusal is recorded.
  absl::StatusOr<Principal> Authorize(const Route& route, const Caller* caller,
                                      std::string_view resource, const CallInfo& call);

 private:
  void RecordDenial(const Route& route, const Caller* caller, std::string_view resource,
                    const absl::Status& why, const CallInfo& call);

  CallerCache& callers_;
  DenialLog& denials_;
  const Clock& clock_;
};

}  // namespace stackyard::gateway
