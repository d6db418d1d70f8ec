// What Prometheus is told of what waits and what there is.
#pragma once

#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include "absl/status/status.h"
#include "services/stacks/change.h"
#include "services/stacks/gauge_store.h"
#include "services/stacks/lease_metrics.h"

namespace stackyard::stacks {

// Every replica tells the same: take the greatest, not the sum.
class Gauges {
 public:
  // Both must outlive the object.
  Gauges(Store& store, prometheus::Registry& registry);

  // Looks at the database, and sets all or, when that fails, what was read until then.
  absl::Status Refresh();

 private:
  void SetBacklog(const char* kind, const Backlog& backlog);

  Store& store_;
  LeaseMetrics leases_;
  prometheus::Family<prometheus::Gauge>& queue_;
  prometheus::Gauge& queue_oldest_;
  prometheus::Family<prometheus::Gauge>& stacks_;
  prometheus::Family<prometheus::Gauge>& ending_;
  prometheus::Family<prometheus::Gauge>& requests_;
  prometheus::Gauge& request_oldest_;
  prometheus::Family<prometheus::Gauge>& outbox_;
  prometheus::Family<prometheus::Gauge>& outbox_lag_;
};

}  // namespace stackyard::stacks
