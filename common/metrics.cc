#include "common/metrics.h"

#include <prometheus/exposer.h>

#include <exception>

#include "absl/strings/str_cat.h"

namespace stackyard {

Metrics::Metrics() : registry_(std::make_shared<prometheus::Registry>()) {}
Metrics::~Metrics() = default;

absl::StatusOr<std::unique_ptr<Metrics>> Metrics::Open(const std::string& listen) {
  std::unique_ptr<Metrics> metrics(new Metrics);
  if (listen.empty()) return metrics;
  try {
    metrics->exposer_ = std::make_unique<prometheus::Exposer>(listen, 1);
    metrics->exposer_->RegisterCollectable(metrics->registry_);
  } catch (const std::exception& error) {
    return absl::UnavailableError(
        absl::StrCat("--metrics-listen=", listen, " cannot be used: ", error.what()));
  }
  return metrics;
}

}  // namespace stackyard
