// What Prometheus is told of the process itself, by the names that its own clients use.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace stackyard {

// What /proc/self/stat tells, in the kernel's units.
struct ProcessStat {
  // Clock ticks, of user and system together.
  double cpu_ticks = 0;
  double threads = 0;
  // Ticks since the machine started.
  double start_ticks = 0;
  double virtual_bytes = 0;
  double resident_pages = 0;
};

// INVALID_ARGUMENT when the text is none of it.
absl::StatusOr<ProcessStat> ParseProcessStat(std::string_view text);

// Read when it is asked for. What the system does not tell is left out.
class ProcessMetrics final : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override;
};

}  // namespace stackyard
