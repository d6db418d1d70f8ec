#include "services/stacks/delivery_counts.h"

namespace stackyard::stacks {

DeliveryCounts::DeliveryCounts(prometheus::Registry& registry) {
  auto& family = prometheus::BuildCounter()
                     .Name("stackyard_stacks_deliveries_total")
                     .Help("Tries to deliver, by where to and what became of them")
                     .Register(registry);
  for (const auto& [type, type_label] :
       {std::pair(DeliveryType::kWebhook, "webhook"), std::pair(DeliveryType::kEmail, "email"),
        std::pair(DeliveryType::kUser, "user"), std::pair(DeliveryType::kUnknown, "unknown")}) {
    for (const auto& [result, label] :
         {std::pair(DeliveryResult::kOk, "ok"), std::pair(DeliveryResult::kRetried, "retried"),
          std::pair(DeliveryResult::kGivenUp, "given_up"),
          std::pair(DeliveryResult::kDropped, "dropped")}) {
      counters_[{type, result}] = &family.Add({{"channel_type", type_label}, {"result", label}});
    }
  }
}

void DeliveryCounts::Count(DeliveryType type, DeliveryResult result) {
  counters_.at({type, result})->Increment();
}

}  // namespace stackyard::stacks
