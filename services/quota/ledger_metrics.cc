#include "services/quota/ledger_metrics.h"

namespace stackyard::quota {
namespace {

const prometheus::Histogram::BucketBoundaries& Seconds() {
  static const prometheus::Histogram::BucketBoundaries kSeconds = {
      .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10};
  return kSeconds;
}

std::string Outcome(const absl::Status& status) {
  if (status.ok()) return "OK";
  const ErrorReason reason = ReasonOf(status);
  return v1::ErrorReason_Name(reason == v1::ERROR_REASON_UNSPECIFIED ? v1::INTERNAL_FAULT : reason);
}

}  // namespace

LedgerMetrics::LedgerMetrics(prometheus::Registry& registry)
    : calls_(prometheus::BuildCounter()
                 .Name("stackyard_quota_ledger_calls_total")
                 .Help("Calls of the ledger, by method and outcome: OK or the error's reason")
                 .Register(registry)),
      seconds_(prometheus::BuildHistogram()
                   .Name("stackyard_quota_ledger_call_seconds")
                   .Help("Time that calls of the ledger took, by method")
                   .Register(registry)),
      over_reserved_(prometheus::BuildCounter()
                         .Name("stackyard_quota_over_reserved_commits_total")
                         .Help("Commits of more than admission had vouched for")
                         .Register(registry)
                         .Add({})),
      expired_(prometheus::BuildCounter()
                   .Name("stackyard_quota_expired_reservations_total")
                   .Help("Reservations that nobody committed in time")
                   .Register(registry)
                   .Add({})) {}

void LedgerMetrics::Count(const std::string& method, const absl::Status& status,
                          absl::Duration took) {
  calls_.Add({{"method", method}, {"outcome", Outcome(status)}}).Increment();
  seconds_.Add({{"method", method}}, Seconds()).Observe(absl::ToDoubleSeconds(took));
}

}  // namespace stackyard::quota
