// What Prometheus is told of the certificate that this service proves itself with.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <memory>
#include <utility>
#include <vector>

#include "common/certificate_files.h"

namespace stackyard {

// Tells of the certificate that is in force, which may be older than the one in the files: that is
// what peers judge by.
class CertificateMetrics final : public prometheus::Collectable {
 public:
  explicit CertificateMetrics(std::shared_ptr<CertificateFiles> files) : files_(std::move(files)) {}

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const std::shared_ptr<CertificateFiles> files_;
};

}  // namespace stackyard
