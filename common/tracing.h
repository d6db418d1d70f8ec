// Exports the process's spans.
#pragma once

#include <prometheus/registry.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/flags.h"
#include "common/span_exporter.h"
#include "common/work.h"

namespace stackyard {

struct TracingOptions {
  // `http://host:4318`; spans are posted to its /v1/traces. Empty: none are recorded.
  std::string otlp_endpoint;
  // Share of the traces that begin in this process which is recorded, 0 to 1. Those that begin
  // elsewhere in the mesh are as the process where they began says.
  std::string ratio = "1";

  // Adds --otlp-endpoint and --trace-ratio.
  void AddFlags(Flags& flags);
  // INVALID_ARGUMENT that names the flag.
  absl::Status Check() const;
};

// As long as it lives spans are recorded and sent, from a thread of its own. To be opened before
// servers and channels, and to be destroyed after them: then what is left is sent, within two
// seconds.
class Tracing {
 public:
  // `service` as in `stackyard-stacks`. `registry` must outlive it.
  static absl::StatusOr<std::unique_ptr<Tracing>> Open(const TracingOptions& options,
                                                       const std::string& service,
                                                       prometheus::Registry& registry);
  ~Tracing();

 private:
  Tracing() = default;

  std::unique_ptr<SpanExporter> exporter_;
  // Null: nothing is exported.
  std::unique_ptr<Loop> loop_;
};

}  // namespace stackyard
