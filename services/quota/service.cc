#include "services/quota/service.h"

#include <memory>
#include <optional>

#include "common/clock.h"
#include "common/database_metrics.h"
#include "common/database_wait.h"
#include "common/gauge_loop.h"
#include "common/introspection.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/peer_identity.h"
#include "common/status_macros.h"
#include "common/work.h"
#include "services/quota/ledger_service.h"
#include "services/quota/peers.h"
#include "services/quota/quota_change_service.h"
#include "services/quota/quota_service.h"
#include "services/quota/usage_gauges.h"

namespace stackyard::quota {

void Options::AddFlags(Flags& flags) {
  server.AddFlags(flags);
  server.AddDrainDelay(flags);
  server.AddConnectionAge(flags);
  tracing.AddFlags(flags);
  mtls.AddFlags(flags);
  flags.Add("data", &data, "folder of the database when --database is not given");
  flags.Add("database", &database,
            "sqlite:PATH or postgresql://USER@HOST/NAME; empty: sqlite:<data>/quota.db");
  flags.Add("database-wait", &database_wait,
            "How long a start waits for a database that does not answer; 0: it fails at once");
  flags.Add("metrics-interval", &metrics_interval,
            "Time between two looks at the database for gauges, with --metrics-listen");
  flags.Add("metrics-series", &metrics_series,
            "Most time series of what projects use, four for each metric of a project");
}

namespace {

absl::Status Check(const Options& options) {
  RETURN_IF_ERROR(CheckMetricsInterval(options.metrics_interval));
  if (options.metrics_series >= 0) return absl::OkStatus();
  return absl::InvalidArgumentError("--metrics-series must be 0 or more");
}

}  // namespace

absl::StatusOr<int> Serve(const Options& options) {
  RETURN_IF_ERROR(Check(options));
  ASSIGN_OR_RETURN(const auto metrics, Metrics::Open(options.server.metrics_listen, "quota"));
  ASSIGN_OR_RETURN(const auto tracing,
                   Tracing::Open(options.tracing, "stackyard-quota", metrics->registry()));
  const SystemClock clock;
  // Before the database, and until everything else has ended: it is alive all that time.
  ASSIGN_OR_RETURN(const auto health, Health::Open(options.server.health_listen));
  ASSIGN_OR_RETURN(const auto identity, PeerIdentity::Open(options.mtls, "quota", clock));
  const std::string url =
      options.database.empty() ? "sqlite:" + options.data + "/quota.db" : options.database;
  ASSIGN_OR_RETURN(const auto store,
                   OpenWithin(options.database_wait, [&] { return Store::Open(url); }));
  if (metrics->served()) MeasureDatabase(store->database(), metrics->registry());
  if (identity != nullptr) metrics->Show(identity->metrics());
  Limits limits(*store, clock);
  LedgerMetrics ledger_metrics(metrics->registry());
  Ledger ledger(*store, clock, {},
                [&](const GroupReport& report) { ledger_metrics.CountGroup(report); });
  UsageReport usage(*store, clock);
  QuotaRpc public_service(limits, ledger, usage);
  LedgerRpc internal_service(ledger, ledger_metrics);
  QuotaChanges changes(*store, clock);
  QuotaChangeRpc change_service(changes);
  Probes probes;
  probes.AddCheck("database", DatabaseCheck(store->database()));
  Introspection introspection("quota", options.settings, probes);
  const Loop sweeper("sweep", [&] {
    const absl::StatusOr<int64_t> marked = ledger.MarkExpired();
    if (!marked.ok()) LogWarning("cannot sweep", {{"error", marked.status().ToString()}});
    ledger_metrics.CountExpired(marked.value_or(0));
    return absl::Seconds(30);
  });
  ServerOptions server_options = options.server;
  server_options.identity = identity.get();
  if (metrics->served()) server_options.metrics = &metrics->registry();
  server_options.peers = Peers();
  server_options.health = health.get();
  ASSIGN_OR_RETURN(const auto server,
                   Server::Start(server_options, {&public_service, &internal_service,
                                                  &change_service, &introspection}));
  const ReadyWhile ready(*health, DatabaseCheck(store->database()));
  const auto gauges = std::make_shared<UsageGauges>(*store, clock, options.metrics_series);
  metrics->Show(gauges);
  std::optional<GaugeLoop> gauge_loop;
  if (metrics->served()) {
    gauge_loop.emplace(
        options.metrics_interval, [&] { return gauges->Refresh(); }, metrics->registry());
  }
  return server->ServeUntilSignal();
}

}  // namespace stackyard::quota
