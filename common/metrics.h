// The process's Prometheus metrics.
#pragma once

#include <prometheus/registry.h>

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace prometheus {
class Exposer;
}

namespace stackyard {

// A registry and, where asked for, the endpoint that shows it at /metrics.
class Metrics {
 public:
  // `listen` is `host:port`; empty: nothing is served.
  static absl::StatusOr<std::unique_ptr<Metrics>> Open(const std::string& listen);
  ~Metrics();

  prometheus::Registry& registry() { return *registry_; }

 private:
  Metrics();

  std::shared_ptr<prometheus::Registry> registry_;
  std::unique_ptr<prometheus::Exposer> exposer_;
};

}  // namespace stackyard
