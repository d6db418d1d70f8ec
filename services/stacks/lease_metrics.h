// What Prometheus is told about leases.
#pragma once

#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include "absl/status/status.h"
#include "services/stacks/change.h"

namespace stackyard::stacks {

// Every replica tells the same: take the greatest, not the sum.
class LeaseMetrics {
 public:
  // Both must outlive the object.
  LeaseMetrics(Store& store, prometheus::Registry& registry);

  // Looks at the database.
  absl::Status Refresh();

 private:
  Store& store_;
  prometheus::Gauge& overdue_;
  prometheus::Gauge& longest_;
};

}  // namespace stackyard::stacks
