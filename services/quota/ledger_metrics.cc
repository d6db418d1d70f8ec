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

prometheus::Counter& CounterOf(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add({});
}

prometheus::Histogram& HistogramOf(prometheus::Registry& registry, const char* name,
                                   const char* help,
                                   const prometheus::Histogram::BucketBoundaries& buckets) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add({}, buckets);
}

// Of deciding and committing a group, which takes a fraction of a millisecond when all is well.
const prometheus::Histogram::BucketBoundaries kGroupSeconds = {
    .00001, .00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .1, .5, 1, 5, 30};

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
      over_reserved_(CounterOf(registry, "stackyard_quota_over_reserved_commits_total",
                               "Commits of more than admission had vouched for")),
      expired_(CounterOf(registry, "stackyard_quota_expired_reservations_total",
                         "Reservations that nobody committed in time")),
      group_calls_(HistogramOf(registry, "stackyard_quota_group_calls",
                               "Calls that one transaction decided",
                               {1, 2, 4, 8, 16, 32, 64, 128, 256})),
      decision_seconds_(HistogramOf(registry, "stackyard_quota_group_decision_seconds",
                                    "Time from a group's locks to its last decision, catching up "
                                    "with other replicas included",
                                    kGroupSeconds)),
      commit_seconds_(HistogramOf(registry, "stackyard_quota_group_commit_seconds",
                                  "Time that writing and committing a group took", kGroupSeconds)),
      rebuilds_(CounterOf(registry, "stackyard_quota_capacity_rebuilds_total",
                          "Metrics of projects whose reservations were read anew: at the first "
                          "use, after an eviction, a failed commit, or a log that was trimmed")),
      followed_(
          CounterOf(registry, "stackyard_quota_capacity_followed_versions_total",
                    "Versions of metrics made by other replicas that were read from the log")),
      evictions_(CounterOf(registry, "stackyard_quota_capacity_evictions_total",
                           "Metrics of projects forgotten for want of memory")),
      nodes_(prometheus::BuildGauge()
                 .Name("stackyard_quota_capacity_nodes")
                 .Help("Changes of capacity over time that are in memory, about 120 bytes each")
                 .Register(registry)
                 .Add({})) {}

void LedgerMetrics::CountGroup(const GroupReport& report) {
  group_calls_.Observe(static_cast<double>(report.calls));
  decision_seconds_.Observe(absl::ToDoubleSeconds(report.deciding));
  commit_seconds_.Observe(absl::ToDoubleSeconds(report.committing));
  rebuilds_.Increment(static_cast<double>(report.counts.rebuilt - counted_.rebuilt));
  followed_.Increment(static_cast<double>(report.counts.followed - counted_.followed));
  evictions_.Increment(static_cast<double>(report.counts.evicted - counted_.evicted));
  counted_ = report.counts;
  nodes_.Set(static_cast<double>(report.nodes));
}

void LedgerMetrics::Count(const std::string& method, const absl::Status& status,
                          absl::Duration took) {
  calls_.Add({{"method", method}, {"outcome", Outcome(status)}}).Increment();
  seconds_.Add({{"method", method}}, Seconds()).Observe(absl::ToDoubleSeconds(took));
}

}  // namespace stackyard::quota
