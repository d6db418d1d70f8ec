// What a runner counts.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace stackyard::runner {

// Thread-safe.
class RunMetrics {
 public:
  explicit RunMetrics(prometheus::Registry& registry);

  void SetSlots(int slots) { slots_.Set(slots); }
  void SetBusy(int busy) { busy_.Set(busy); }
  void SetDraining() { draining_.Set(1); }
  // `work` as `plan`, `result` as `ok`, `failed`, `cancelled` or `lost`.
  void CountRun(const std::string& work, const std::string& result);
  void ObserveStep(const std::string& work, const std::string& step, absl::Duration took);

 private:
  prometheus::Family<prometheus::Counter>& runs_;
  prometheus::Family<prometheus::Histogram>& steps_;
  prometheus::Gauge& slots_;
  prometheus::Gauge& busy_;
  prometheus::Gauge& draining_;
};

}  // namespace stackyard::runner
