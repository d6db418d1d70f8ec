// What Prometheus is told about the ledger.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "common/status.h"
#include "services/quota/ledger.h"

namespace stackyard::quota {

class LedgerMetrics {
 public:
  // The registry must outlive the object.
  explicit LedgerMetrics(prometheus::Registry& registry);

  // Does a call, and counts it by its outcome and its time. `method` is the RPC's name.
  template <typename Work>
  auto Observe(const std::string& method, const Work& work) {
    const absl::Time start = absl::Now();
    auto result = work();
    Count(method, result.status(), absl::Now() - start);
    return result;
  }
  // The same for a call that begins now and ends when what is answered here gets its result, which
  // is then handed on to `done`. Commits that admission had not vouched for are counted as such.
  template <typename Done>
  auto Observed(std::string method, Done done) {
    return [this, start = absl::Now(), method = std::move(method),
            done = std::move(done)](absl::StatusOr<v1::Reservation> result) {
      Count(method, result.status(), absl::Now() - start);
      if (method == "Commit" && result.ok() && result->over_reserved()) over_reserved_.Increment();
      done(std::move(result));
    };
  }
  // Reservations that nobody committed in time.
  void CountExpired(int64_t reservations) { expired_.Increment(static_cast<double>(reservations)); }
  // What a transaction did. One call at a time.
  void CountGroup(const GroupReport& report);

 private:
  void Count(const std::string& method, const absl::Status& status, absl::Duration took);

  prometheus::Family<prometheus::Counter>& calls_;
  prometheus::Family<prometheus::Histogram>& seconds_;
  prometheus::Counter& over_reserved_;
  prometheus::Counter& expired_;
  prometheus::Histogram& group_calls_;
  prometheus::Histogram& decision_seconds_;
  prometheus::Histogram& commit_seconds_;
  prometheus::Counter& rebuilds_;
  prometheus::Counter& followed_;
  prometheus::Counter& evictions_;
  prometheus::Gauge& nodes_;
  Capacities::Counts counted_;
};

}  // namespace stackyard::quota
