// Plan files by digest, so that a runner that planned need not fetch the plan to apply it.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"

namespace stackyard::runner {

// A bounded cache in a folder, readable by the owner alone: plans hold secrets. Losing a plan costs
// a download. Thread-safe; the folder may be shared with other processes.
class PlanStore {
 public:
  // Keeps the newest `max_plans`, of at most `max_bytes` in all.
  explicit PlanStore(std::string root, size_t max_plans = 64, size_t max_bytes = 256 << 20);

  absl::Status Put(const std::string& digest, std::string_view plan);
  // Empty when it is not there, or is damaged.
  std::string Get(const std::string& digest) const;
  void Remove(const std::string& digest);

 private:
  void Trim();

  const std::string root_;
  const size_t max_plans_;
  const size_t max_bytes_;
  absl::Mutex trim_mutex_;
};

}  // namespace stackyard::runner
