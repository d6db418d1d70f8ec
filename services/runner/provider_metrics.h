// What a runner counts of its provider processes.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <string_view>

#include "absl/time/time.h"

namespace stackyard::runner {

// Thread-safe.
class ProviderMetrics {
 public:
  explicit ProviderMetrics(prometheus::Registry& registry);

  void SetSlots(int warm, int leased, int kept);
  // `way` as `kept`, `warm`, `ordered` or `plain`.
  void CountLease(std::string_view way);
  void ObserveStart(absl::Duration took, bool ok);

 private:
  prometheus::Family<prometheus::Counter>& leases_;
  prometheus::Family<prometheus::Counter>& starts_;
  prometheus::Histogram& start_seconds_;
  prometheus::Gauge* warm_;
  prometheus::Gauge* leased_;
  prometheus::Gauge* kept_;
};

}  // namespace stackyard::runner
