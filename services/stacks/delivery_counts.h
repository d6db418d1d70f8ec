// What Prometheus is told of deliveries.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include <map>
#include <utility>

namespace stackyard::stacks {

// Where a delivery goes: a channel of a project, somebody who wants mail, or nobody knows, because
// the channel is gone.
enum class DeliveryType { kWebhook, kEmail, kUser, kUnknown };

// What became of a try.
enum class DeliveryResult {
  kOk,
  kRetried,
  kGivenUp,
  // There was nobody or nothing left to deliver to.
  kDropped
};

// Thread-safe.
class DeliveryCounts {
 public:
  explicit DeliveryCounts(prometheus::Registry& registry);

  void Count(DeliveryType type, DeliveryResult result);

 private:
  std::map<std::pair<DeliveryType, DeliveryResult>, prometheus::Counter*> counters_;
};

}  // namespace stackyard::stacks
