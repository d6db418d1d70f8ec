// The process's Prometheus metrics.
#pragma once

#include <prometheus/registry.h>

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace prometheus {
class Collectable;
class Exposer;
}  // namespace prometheus

namespace stackyard {

// A registry and, where asked for, the endpoint that shows it at /metrics, with what is known of
// the process and its build.
class Metrics {
 public:
  // `listen` is `host:port`; empty: nothing is served. `service` is the program's name.
  static absl::StatusOr<std::unique_ptr<Metrics>> Open(const std::string& listen,
                                                       const std::string& service);
  ~Metrics();

  // Whether anybody can see them. What costs something to measure is not measured else.
  bool served() const { return exposer_ != nullptr; }
  prometheus::Registry& registry() { return *registry_; }
  // Shows what `collectable` tells at the time, for as long as it is there.
  void Show(const std::shared_ptr<prometheus::Collectable>& collectable);

 private:
  Metrics();

  std::shared_ptr<prometheus::Registry> registry_;
  std::shared_ptr<prometheus::Collectable> process_;
  std::unique_ptr<prometheus::Exposer> exposer_;
};

}  // namespace stackyard
