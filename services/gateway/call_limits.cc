#include "services/gateway/call_limits.h"

#include <prometheus/counter.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/proto_time.h"
#include "common/status.h"

namespace stackyard::gateway {
namespace {

constexpr double kFailureCost = 9;

absl::Status CheckRate(const char* name, int rate, int burst) {
  if (rate < 0) {
    return absl::InvalidArgumentError(absl::StrCat("--", name, "-rate must be 0 or more"));
  }
  if (rate > 0 && burst < 1) {
    return absl::InvalidArgumentError(absl::StrCat("--", name, "-burst must be 1 or more"));
  }
  return absl::OkStatus();
}

}  // namespace

void LimitOptions::AddFlags(Flags& flags) {
  flags.Add("user-rate", &user_rate, "Calls a second that a user may make; 0: no limit");
  flags.Add("user-burst", &user_burst, "Calls that a user may make at once after a pause");
  flags.Add("address-rate", &address_rate,
            "Calls a second that may come from an address (of IPv6, from a /64); 0: no limit");
  flags.Add("address-burst", &address_burst,
            "Calls that may come from an address at once after a pause");
  flags.Add("trusted-proxies", &trusted_proxies,
            "Network of proxies whose x-forwarded-for is believed, like 10.1.0.0/16; may be given "
            "several times. Unix sockets always are");
}

absl::StatusOr<std::unique_ptr<CallLimits>> CallLimits::Make(const LimitOptions& options,
                                                             const Clock& clock,
                                                             prometheus::Registry& registry) {
  absl::Status status = CheckRate("user", options.user_rate, options.user_burst);
  status.Update(CheckRate("address", options.address_rate, options.address_burst));
  if (!status.ok()) return status;
  auto addresses = ClientAddresses::Make(options.trusted_proxies);
  if (!addresses.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--trusted-proxies: ", addresses.status().message()));
  }
  return std::unique_ptr<CallLimits>(
      new CallLimits(options, *std::move(addresses), clock, registry));
}

CallLimits::CallLimits(const LimitOptions& options, ClientAddresses addresses, const Clock& clock,
                       prometheus::Registry& registry)
    : addresses_(std::move(addresses)),
      clock_(clock),
      by_address_(options.address_rate, options.address_burst),
      by_user_(options.user_rate, options.user_burst),
      refused_address_(prometheus::BuildCounter()
                           .Name("stackyard_gateway_rate_limited_total")
                           .Help("Calls that came too often, by what was counted")
                           .Register(registry)
                           .Add({{"by", "address"}})),
      refused_user_(prometheus::BuildCounter()
                        .Name("stackyard_gateway_rate_limited_total")
                        .Help("Calls that came too often, by what was counted")
                        .Register(registry)
                        .Add({{"by", "user"}})) {}

CallLimits::Verdict CallLimits::AdmitAddress(const ClientAddress& address) {
  return Judge(by_address_.Take(address.key, 1, clock_.TimeNow()), refused_address_);
}

CallLimits::Verdict CallLimits::AdmitUser(std::string_view user) {
  return Judge(by_user_.Take(user, 1, clock_.TimeNow()), refused_user_);
}

void CallLimits::ChargeFailure(const ClientAddress& address) {
  by_address_.Charge(address.key, kFailureCost, clock_.TimeNow());
}

CallLimits::Verdict CallLimits::Judge(const RateLimiter::Answer& answer,
                                      prometheus::Counter& refused) {
  if (answer.wait == absl::ZeroDuration()) return {};
  refused.Increment();
  Verdict verdict{Error(v1::RATE_LIMITED, "too many calls; come back when RetryInfo says"),
                  answer.first};
  google::rpc::RetryInfo retry;
  *retry.mutable_retry_delay() = stackyard::ToProto(answer.wait);
  AttachDetail(verdict.status, retry);
  return verdict;
}

}  // namespace stackyard::gateway
