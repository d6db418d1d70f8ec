// Reads gauges from a database at a pace, so that no scrape does.
#pragma once

#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/work.h"

namespace stackyard {

class GaugeLoop {
 public:
  // Calls `read` at once, and then again after PauseAfter. A failure is logged; gauges then stay as
  // they were, and `stackyard_gauges_read_time_seconds` tells since when. The registry must outlive
  // the object.
  GaugeLoop(absl::Duration interval, std::function<absl::Status()> read,
            prometheus::Registry& registry);

 private:
  absl::Duration Read();

  const absl::Duration interval_;
  const std::function<absl::Status()> read_;
  prometheus::Gauge& last_success_;
  // Last: its thread uses the rest.
  Loop loop_;
};

// The interval, and as much more of it as `chance`, which is from -0.1 to 0.1, so that replicas do
// not all come at once; but a hundred times as long as reading `took` at least: it must not become
// what keeps the database busy.
absl::Duration PauseAfter(absl::Duration interval, absl::Duration took, double chance);

// INVALID_ARGUMENT that names --metrics-interval when it is less than a second or over an hour.
absl::Status CheckMetricsInterval(absl::Duration interval);

}  // namespace stackyard
