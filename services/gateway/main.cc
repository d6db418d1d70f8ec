#include <string>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/server.h"
#include "common/tracing.h"
#include "services/gateway/gateway.h"

namespace stackyard::gateway {
namespace {

int Fail(const absl::Status& status) {
  LogError("cannot start", {{"error", std::string(status.message())}});
  return 1;
}

int Main(int argc, char** argv) {
  ServerOptions server_options;
  server_options.service = "gateway";
  server_options.listen = "127.0.0.1:8081";
  TracingOptions tracing_options;
  GatewayOptions options;
  options.stacks_target = "unix:data/stacks.sock";
  options.quota_target = "unix:data/quota.sock";
  Flags flags("stackyard-gateway", "Identity, access control and routing for Stackyard's API");
  server_options.AddFlags(flags);
  server_options.AddDrainDelay(flags);
  options.AddFlags(flags);
  tracing_options.AddFlags(flags);
  flags.ParseOrExit(argc, argv);
  options.settings = flags.Settings();

  BlockSignals();
  SetLogService("stackyard-gateway");
  const auto metrics = Metrics::Open(server_options.metrics_listen, "gateway");
  if (!metrics.ok()) return Fail(metrics.status());
  const auto tracing = Tracing::Open(tracing_options, "stackyard-gateway", (*metrics)->registry());
  if (!tracing.ok()) return Fail(tracing.status());
  const SystemClock clock;
  const auto gateway = Gateway::Start(server_options, options, clock, (*metrics)->registry());
  if (!gateway.ok()) return Fail(gateway.status());
  if (const auto certificate = (*gateway)->certificate()) (*metrics)->Show(certificate);
  return (*gateway)->ServeUntilSignal();
}

}  // namespace
}  // namespace stackyard::gateway

int main(int argc, char** argv) { return stackyard::gateway::Main(argc, argv); }
