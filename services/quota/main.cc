// stackyard-quota: counts capacity.
#include "common/clock.h"
#include "common/flags.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/server.h"
#include "common/work.h"
#include "services/quota/ledger_service.h"
#include "services/quota/quota_change_service.h"
#include "services/quota/quota_service.h"

namespace stackyard {
namespace {

absl::StatusOr<int> Run(const ServerOptions& options, const std::string& database) {
  absl::StatusOr<std::unique_ptr<quota::Store>> store = quota::Store::Open(database);
  if (!store.ok()) return store.status();
  const auto metrics = Metrics::Open(options.metrics_listen);
  if (!metrics.ok()) return metrics.status();
  const SystemClock clock;
  quota::Limits limits(**store, clock);
  quota::LedgerMetrics ledger_metrics((*metrics)->registry());
  quota::Ledger ledger(**store, clock, {}, [&](const quota::GroupReport& report) {
    ledger_metrics.CountGroup(report);
  });
  quota::UsageReport usage(**store, clock);
  quota::QuotaRpc public_service(limits, ledger, usage);
  quota::LedgerRpc internal_service(ledger, ledger_metrics);
  quota::QuotaChanges changes(**store, clock);
  quota::QuotaChangeRpc change_service(changes);
  const Loop sweeper("sweep", [&] {
    const absl::StatusOr<int64_t> marked = ledger.MarkExpired();
    if (!marked.ok()) LogWarning("cannot sweep", {{"error", marked.status().ToString()}});
    ledger_metrics.CountExpired(marked.value_or(0));
    return absl::Seconds(30);
  });
  auto server = Server::Start(options, {&public_service, &internal_service, &change_service});
  if (!server.ok()) return server.status();
  return (*server)->ServeUntilSignal();
}

}  // namespace
}  // namespace stackyard

int main(int argc, char** argv) {
  using stackyard::LogError;
  stackyard::BlockSignals();
  stackyard::ServerOptions options{.service = "quota", .listen = "unix:data/quota.sock"};
  std::string data = "data", database;
  stackyard::Flags flags("stackyard-quota", "Counts capacity: limits, grants and reservations.");
  options.AddFlags(flags);
  flags.Add("data", &data, "folder of the database when --database is not given");
  flags.Add("database", &database,
            "sqlite:PATH or postgresql://USER@HOST/NAME; empty: sqlite:<data>/quota.db");
  flags.ParseOrExit(argc, argv);
  stackyard::SetLogService("stackyard-quota");
  const auto code =
      stackyard::Run(options, database.empty() ? "sqlite:" + data + "/quota.db" : database);
  if (code.ok()) return *code;
  LogError("cannot start", {{"error", code.status().ToString()}});
  return 1;
}
