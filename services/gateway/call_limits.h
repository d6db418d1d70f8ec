// How often somebody may call: by address before anything is known of them, then by user.
#pragma once

#include <prometheus/registry.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/flags.h"
#include "services/gateway/client_address.h"
#include "services/gateway/rate_limiter.h"

namespace stackyard::gateway {

struct LimitOptions {
  // Calls a second, and how many may come at once after a pause. A rate of 0: no limit.
  int user_rate = 200;
  int user_burst = 400;
  int address_rate = 400;
  int address_burst = 800;
  // See ClientAddresses.
  std::vector<std::string> trusted_proxies = {"127.0.0.0/8", "::1"};

  void AddFlags(Flags& flags);
};

// Limits of one replica: with n replicas behind a balancer a client gets up to n times as much.
class CallLimits {
 public:
  // INVALID_ARGUMENT names the flag that is wrong. `clock` and `registry` must outlive it.
  static absl::StatusOr<std::unique_ptr<CallLimits>> Make(const LimitOptions& options,
                                                          const Clock& clock,
                                                          prometheus::Registry& registry);

  const ClientAddresses& addresses() const { return addresses_; }

  struct Verdict {
    // OK, or RATE_LIMITED with a RetryInfo.
    absl::Status status;
    // The first refusal since the client was last within its limit: worth a record.
    bool first = false;
  };
  Verdict AdmitAddress(const ClientAddress& address);
  // By id.
  Verdict AdmitUser(std::string_view user);
  // Who sends tokens that are none pays ten times for each: guessing is slow.
  void ChargeFailure(const ClientAddress& address);

 private:
  CallLimits(const LimitOptions& options, ClientAddresses addresses, const Clock& clock,
             prometheus::Registry& registry);
  static Verdict Judge(const RateLimiter::Answer& answer, prometheus::Counter& refused);

  const ClientAddresses addresses_;
  const Clock& clock_;
  RateLimiter by_address_;
  RateLimiter by_user_;
  prometheus::Counter& refused_address_;
  prometheus::Counter& refused_user_;
};

}  // namespace stackyard::gateway
