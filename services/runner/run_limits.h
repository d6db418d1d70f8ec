// What one run may use, from what its template asks for and what this runner gives.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/runner/cgroups.h"
#include "stackyard/v1/catalog.pb.h"

namespace stackyard::runner {

struct LimitOptions {
  // What a run gets whose template does not say.
  Limits usual{.memory_bytes = int64_t{2} << 30, .cpu_millis = 0, .processes = 1024};
  // The most that a template gets; 0: what it asks for.
  Limits most;
  absl::Duration plan_timeout = absl::Hours(1);
  absl::Duration apply_timeout = absl::Hours(2);
};

struct RunAllowance {
  Limits limits;
  absl::Duration plan_timeout;
  absl::Duration apply_timeout;
  // What the template asked for and does not get, to be told to people.
  std::vector<std::string> notices;

  // Longest that a step may take.
  absl::Duration TimeoutOf(std::string_view step) const;
};

RunAllowance Allow(const v1::RunLimits& asked, const LimitOptions& options);

// Soft limit of the Go heap of one process, like `800MiB`: Terraform and its providers share the
// memory of the run, and each fills its own heap up to the limit before it collects. `usual` when
// the run's memory has no bound, or the share is more.
std::string GoMemoryLimit(const Limits& limits, const std::string& usual);

// `512MiB`, `2GiB` or bytes like `1000000B`; empty: 0.
absl::StatusOr<int64_t> ParseSize(std::string_view text);
// `1.5` processors in thousandths; empty: 0.
absl::StatusOr<int64_t> ParseCpus(std::string_view text);

}  // namespace stackyard::runner
