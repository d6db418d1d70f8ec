// Counts and times of forwarded calls.
#pragma once

#include <grpcpp/support/status.h>
#include <prometheus/registry.h>

#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "services/gateway/route_table.h"

namespace stackyard::gateway {

class CallMetrics {
 public:
  CallMetrics(const RouteTable& routes, prometheus::Registry& registry);

  void Begin();
  // `route` is null for a method that is not part of the API.
  void End(const Route* route, grpc::StatusCode code, absl::Duration took);

 private:
  static constexpr int kCodes = 17;
  // Of one method. Counters of codes that never came are not shown.
  struct PerRoute {
    std::array<std::atomic<prometheus::Counter*>, kCodes> by_code{};
    prometheus::Histogram* seconds = nullptr;
  };

  const RouteTable& routes_;
  prometheus::Family<prometheus::Counter>& requests_;
  prometheus::Gauge& open_;
  // One more than there are routes; the last is for unknown methods.
  std::vector<PerRoute> per_route_;
};

}  // namespace stackyard::gateway
