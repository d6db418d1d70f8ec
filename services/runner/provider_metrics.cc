#include "services/runner/provider_metrics.h"

#include <string>

namespace stackyard::runner {

ProviderMetrics::ProviderMetrics(prometheus::Registry& registry)
    : leases_(prometheus::BuildCounter()
                  .Name("stackyard_runner_provider_leases_total")
                  .Help("Providers that runs asked for, by the way in which they got them.")
                  .Register(registry)),
      starts_(prometheus::BuildCounter()
                  .Name("stackyard_runner_provider_starts_total")
                  .Help("Provider processes that were started, by result.")
                  .Register(registry)),
      start_seconds_(prometheus::BuildHistogram()
                         .Name("stackyard_runner_provider_start_seconds")
                         .Help("How long provider processes took until they were ready.")
                         .Register(registry)
                         .Add({}, prometheus::Histogram::BucketBoundaries{0.03, 0.1, 0.2, 0.3, 0.5,
                                                                          1, 3, 10, 30})) {
  auto& slots = prometheus::BuildGauge()
                    .Name("stackyard_runner_provider_slots")
                    .Help("Provider processes: warm for any run, leased, or kept for one key.")
                    .Register(registry);
  warm_ = &slots.Add({{"state", "warm"}});
  leased_ = &slots.Add({{"state", "leased"}});
  kept_ = &slots.Add({{"state", "kept"}});
  // The first failure must be a rise from 0, or no alert sees it.
  for (const char* result : {"ok", "failed"}) starts_.Add({{"result", result}});
  for (const char* way : {"kept", "warm", "ordered", "plain"}) leases_.Add({{"way", way}});
}

void ProviderMetrics::SetSlots(int warm, int leased, int kept) {
  warm_->Set(warm);
  leased_->Set(leased);
  kept_->Set(kept);
}

void ProviderMetrics::CountLease(std::string_view way) {
  leases_.Add({{"way", std::string(way)}}).Increment();
}

void ProviderMetrics::ObserveStart(absl::Duration took, bool ok) {
  starts_.Add({{"result", ok ? "ok" : "failed"}}).Increment();
  if (ok) start_seconds_.Observe(absl::ToDoubleSeconds(took));
}

}  // namespace stackyard::runner
