#include "common/certificate_metrics.h"

#include "absl/time/time.h"

namespace stackyard {

std::vector<prometheus::MetricFamily> CertificateMetrics::Collect() const {
  prometheus::MetricFamily family;
  family.name = "stackyard_certificate_end_time_seconds";
  family.help = "When the certificate that is shown to other services ends, since 1970";
  family.type = prometheus::MetricType::Gauge;
  family.metric.emplace_back().gauge.value =
      absl::ToDoubleSeconds(files_->current()->own.not_after - absl::UnixEpoch());
  return {family};
}

}  // namespace stackyard
