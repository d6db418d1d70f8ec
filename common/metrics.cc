#include "common/metrics.h"

#include <prometheus/exposer.h>
#include <prometheus/gauge.h>

#include <exception>

#include "absl/strings/str_cat.h"
#include "common/build_info.h"
#include "common/process_metrics.h"
#include "common/version.h"

namespace stackyard {

Metrics::Metrics()
    : registry_(std::make_shared<prometheus::Registry>()),
      process_(std::make_shared<ProcessMetrics>()) {}
Metrics::~Metrics() = default;

absl::StatusOr<std::unique_ptr<Metrics>> Metrics::Open(const std::string& listen,
                                                       const std::string& service) {
  std::unique_ptr<Metrics> metrics(new Metrics);
  if (listen.empty()) return metrics;
  prometheus::BuildGauge()
      .Name("stackyard_build_info")
      .Help("Which program this is; always 1")
      .Register(metrics->registry())
      .Add({{"service", service},
            {"version", std::string(kVersion)},
            {"commit", std::string(BuildCommit())}})
      .Set(1);
  try {
    metrics->exposer_ = std::make_unique<prometheus::Exposer>(listen, 1);
  } catch (const std::exception& error) {
    return absl::UnavailableError(
        absl::StrCat("--metrics-listen=", listen, " cannot be used: ", error.what()));
  }
  metrics->Show(metrics->registry_);
  metrics->Show(metrics->process_);
  return metrics;
}

void Metrics::Show(const std::shared_ptr<prometheus::Collectable>& collectable) {
  if (served()) exposer_->RegisterCollectable(collectable);
}

}  // namespace stackyard
