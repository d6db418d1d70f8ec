#include "services/stacks/service.h"

#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/blob_place.h"
#include "common/cached_blob_store.h"
#include "common/channel.h"
#include "common/database_metrics.h"
#include "common/database_wait.h"
#include "common/gauge_loop.h"
#include "common/introspection.h"
#include "common/log.h"
#include "common/measured_blob_store.h"
#include "common/metrics.h"
#include "common/peer_identity.h"
#include "common/sealed_blob_store.h"
#include "services/stacks/announcer.h"
#include "services/stacks/carrier.h"
#include "services/stacks/catalog_policy.h"
#include "services/stacks/catalog_service.h"
#include "services/stacks/change_request_service.h"
#include "services/stacks/change_tail.h"
#include "services/stacks/courier.h"
#include "services/stacks/credential_service.h"
#include "services/stacks/document_service.h"
#include "services/stacks/drift.h"
#include "services/stacks/event_service.h"
#include "services/stacks/gauges.h"
#include "services/stacks/imports.h"
#include "services/stacks/ledger_client.h"
#include "services/stacks/notification_service.h"
#include "services/stacks/operation_service.h"
#include "services/stacks/peers.h"
#include "services/stacks/previews.h"
#include "services/stacks/publications.h"
#include "services/stacks/rows.h"
#include "services/stacks/run_queue_service.h"
#include "services/stacks/run_service.h"
#include "services/stacks/saga.h"
#include "services/stacks/scaler_service.h"
#include "services/stacks/schema.h"
#include "services/stacks/seal_keys.h"
#include "services/stacks/stack_index.h"
#include "services/stacks/stack_service.h"
#include "services/stacks/state_service.h"

namespace stackyard::stacks {

void Options::AddFlags(Flags& flags) {
  server.AddFlags(flags);
  server.AddDrainDelay(flags);
  server.AddConnectionAge(flags);
  tracing.AddFlags(flags);
  mtls.AddFlags(flags);
  flags.Add("data", &data, "Folder of the database and the blobs");
  flags.Add("database", &database,
            "sqlite:PATH or postgresql://USER@HOST/NAME; empty: sqlite:<data>/stacks.db");
  flags.Add("database-wait", &database_wait,
            "How long a start waits for a database that does not answer; 0: it fails at once");
  flags.Add("blobs", &blobs,
            "Where states, plans and bundles are kept: a folder, or s3://BUCKET/PREFIX?region=… "
            "(endpoint=, path_style=, kms_key=); empty: <data>/blobs");
  flags.Add("documents", &documents,
            "Where the contents of documents are kept, the same; empty: <data>/documents");
  flags.Add("document-max-age", &document_max_age,
            "How long caches may answer for a public document");
  flags.Add("seal-key-file", &seal_key_file,
            "File with the keys that states and secrets are sealed with; empty: <data>/seal.key, "
            "made at the first start");
  flags.Add("quota-target", &quota_target, "Address of the quota service");
  flags.Add("run-lease", &queue.lease, "A runner that is silent for this long loses its runs");
  flags.Add("run-timeout", &queue.run_timeout, "Longest that a run may take");
  flags.Add("run-log-mib", &run_log_mib,
            "MiB kept of the log of a run: a quarter from its beginning, the rest from its end");
  flags.Add("read-cache-mib", &read_cache_mib,
            "MiB of stacks that are kept in memory to be read from there (with SQLite); 0: none");
  flags.Add("catalog-policy", &catalog_policy,
            "YAML file of what modules may contain: providers, module_sources, provisioners, "
            "denied_data_sources; empty: no modules from outside of the template, no provisioners, "
            "no data source `external`");
  flags.Add("keep-states", &retention.states,
            "Versions of a stack's state that are kept, besides those that plans were made from");
  flags.Add("blob-grace", &retention.blob_grace,
            "How long a blob that nothing names is left alone");
  flags.Add("saga-threads", &saga_threads, "Threads that reserve and release quota");
  flags.Add("reconcile-interval", &reconciler.interval,
            "Time between two comparisons of quota's reservations with stacks");
  flags.Add("reconcile-grace", &reconciler.grace,
            "How long a reservation that belongs to no stack is left alone");
  flags.Add("metrics-interval", &metrics_interval,
            "Time between two looks at the database for gauges, with --metrics-listen");
  flags.Add("notice-threads", &notice_threads, "Threads that deliver to channels and send mail");
  flags.Add("notice-retention", &notice_retention, "How long notices stay in inboxes");
  flags.Add("delivery-attempts", &courier.attempts, "Tries of a delivery before it is put by");
  flags.Add("delivery-pause", &courier.first_pause,
            "Pause after the first failed try; each next one is twice as long, up to 1h");
  flags.Add("delivery-timeout", &courier.timeout, "Longest that a try may take");
  flags.Add("allow-webhook-network", &webhook_networks,
            "Network that webhooks may lead to besides public addresses, like 10.0.0.0/8");
  flags.Add("smtp-server", &mail.url, "smtp://HOST:PORT or smtps://HOST:PORT; empty: no mail");
  flags.Add("smtp-from", &mail.from, "Address that mail comes from");
  flags.Add("smtp-login-file", &mail_login_file, "File with user:password for the mail server");
}

namespace {

constexpr int kMostLogMib = 4096;
constexpr int kMostCacheMib = 65536;

absl::Status Check(const Options& options) {
  if (options.saga_threads < 1)
    return absl::InvalidArgumentError("--saga-threads must be 1 or more");
  if (options.run_log_mib < 1 || options.run_log_mib > kMostLogMib) {
    return absl::InvalidArgumentError(
        absl::StrCat("--run-log-mib must be from 1 to ", kMostLogMib));
  }
  if (options.read_cache_mib < 0 || options.read_cache_mib > kMostCacheMib) {
    return absl::InvalidArgumentError(
        absl::StrCat("--read-cache-mib must be from 0 to ", kMostCacheMib));
  }
  if (options.notice_threads < 1) {
    return absl::InvalidArgumentError("--notice-threads must be 1 or more");
  }
  if (options.retention.states < 1) {
    return absl::InvalidArgumentError("--keep-states must be 1 or more");
  }
  if (options.retention.blob_grace < absl::Hours(1)) {
    return absl::InvalidArgumentError("--blob-grace must be 1h or more");
  }
  if (options.document_max_age < absl::ZeroDuration()) {
    return absl::InvalidArgumentError("--document-max-age must not be less than 0");
  }
  if (options.reconciler.interval <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError("--reconcile-interval must be more than nothing");
  }
  RETURN_IF_ERROR(CheckMetricsInterval(options.metrics_interval));
  if (options.courier.attempts < 1) {
    return absl::InvalidArgumentError("--delivery-attempts must be 1 or more");
  }
  if (options.courier.first_pause <= absl::ZeroDuration() ||
      options.courier.timeout <= absl::ZeroDuration() ||
      options.notice_retention <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError(
        "--delivery-pause, --delivery-timeout and --notice-retention must be more than 0");
  }
  const std::string& server = options.mail.url;
  if (server.empty()) return absl::OkStatus();
  if (!absl::StartsWith(server, "smtp://") && !absl::StartsWith(server, "smtps://")) {
    return absl::InvalidArgumentError(
        "--smtp-server must be smtp://HOST:PORT or smtps://HOST:PORT");
  }
  if (!IsMailAddress(options.mail.from)) {
    return absl::InvalidArgumentError("--smtp-from must be a mail address");
  }
  return absl::OkStatus();
}

// Of public documents and of those that are read often.
constexpr size_t kCachedDocumentBytes = 32 << 20;

struct Stores {
  std::unique_ptr<BlobStore> blobs;
  std::unique_ptr<BlobStore> documents;
};

absl::StatusOr<Stores> OpenStores(const Options& options, const Sealer& sealer, const Clock& clock,
                                  Metrics& metrics) {
  const std::string blobs =
      options.blobs.empty() ? absl::StrCat(options.data, "/blobs") : options.blobs;
  const std::string documents =
      options.documents.empty() ? absl::StrCat(options.data, "/documents") : options.documents;
  ASSIGN_OR_RETURN(const bool same, IsSamePlace(blobs, documents));
  if (same) return absl::InvalidArgumentError("--blobs and --documents must be two places");
  Stores stores;
  ASSIGN_OR_RETURN(stores.blobs, OpenBlobPlace(blobs, clock, SealedForm(sealer)));
  ASSIGN_OR_RETURN(stores.documents, OpenBlobPlace(documents, clock));
  if (metrics.served()) {
    stores.blobs = MakeMeasuredBlobStore(std::move(stores.blobs), "blobs", metrics.registry());
    // Below the cache: it is the requests that take time.
    stores.documents =
        MakeMeasuredBlobStore(std::move(stores.documents), "documents", metrics.registry());
  }
  stores.documents = MakeCachedBlobStore(std::move(stores.documents), kCachedDocumentBytes);
  return stores;
}

RunQueueOptions QueueOptionsOf(const Options& options) {
  RunQueueOptions queue = options.queue;
  const int64_t log = int64_t{options.run_log_mib} << 20;
  queue.log.head = log / 4;
  queue.log.tail = log - queue.log.head;
  return queue;
}

absl::StatusOr<std::unique_ptr<Carrier>> CarrierOf(const Options& options) {
  MailServer server = options.mail;
  if (!options.mail_login_file.empty()) {
    RETURN_IF_ERROR(ReadMailLogin(options.mail_login_file, server));
  }
  ASSIGN_OR_RETURN(NetGuard guard, NetGuard::Make(options.webhook_networks));
  return MakeCarrier(std::move(guard), std::move(server), options.courier.timeout);
}

}  // namespace

absl::StatusOr<int> Serve(const Options& options) {
  RETURN_IF_ERROR(Check(options));
  // Before the database, and until everything else has ended: it is alive all that time.
  ASSIGN_OR_RETURN(const auto health, Health::Open(options.server.health_listen));
  ASSIGN_OR_RETURN(const internal::v1::CatalogPolicy policy,
                   LoadCatalogPolicy(options.catalog_policy));
  ASSIGN_OR_RETURN(const auto metrics, Metrics::Open(options.server.metrics_listen, "stacks"));
  ASSIGN_OR_RETURN(const auto tracing,
                   Tracing::Open(options.tracing, "stackyard-stacks", metrics->registry()));
  ASSIGN_OR_RETURN(const std::unique_ptr<Carrier> carrier, CarrierOf(options));
  const std::string database = options.database.empty()
                                   ? absl::StrCat("sqlite:", options.data, "/stacks.db")
                                   : options.database;
  ASSIGN_OR_RETURN(auto db, OpenWithin(options.database_wait,
                                       [&] { return Database::Open(database, Schema()); }));
  if (metrics->served()) MeasureDatabase(*db, metrics->registry());
  ASSIGN_OR_RETURN(
      const Sealer sealer,
      OpenSealer(*db, options.seal_key_file.empty() ? absl::StrCat(options.data, "/seal.key")
                                                    : options.seal_key_file));
  const SystemClock clock;
  ASSIGN_OR_RETURN(const auto identity, PeerIdentity::Open(options.mtls, "stacks", clock));
  if (identity != nullptr) metrics->Show(identity->metrics());
  ASSIGN_OR_RETURN(const Stores stores, OpenStores(options, sealer, clock, *metrics));
  const std::unique_ptr<BlobStore>& blobs = stores.blobs;
  Signals signals;
  WatchHub hub;
  signals.on_names = [&](const std::set<std::string>& names) { hub.Touch(names); };
  Store store(*db, clock, signals, sealer);
  const auto quota = ConnectPeer(options.quota_target, "quota", identity.get());
  Probes probes;
  probes.AddCheck("database", DatabaseCheck(*db));
  probes.AddCheck("blobs", BlobStoreCheck(*blobs));
  probes.AddCheck("quota", HealthCheck(quota));
  const auto ledger = MakeLedgerClient(quota);
  const auto quota_changes = MakeQuotaChangeClient(quota);

  Catalog catalog(store, *blobs);
  StackManager stacks(store, *blobs);
  StackReads stack_reads(store, int64_t{options.read_cache_mib} << 20);
  Previews previews(store);
  DriftChecks drift(store);
  Imports imports(store, *blobs);
  Reviews reviews(store);
  RunViews runs(store);
  StateViews states(store, *blobs);
  StateEdits state_edits(store, *blobs);
  StateRetention retention(store, *blobs, options.retention);
  OperationViews operations(store);
  Documents documents(store, *stores.documents);
  Publisher publisher(store, *blobs, *stores.documents);
  StackFiles files(store, *blobs);
  RunQueueOptions queue_options = QueueOptionsOf(options);
  queue_options.policy = policy;
  RunCounts run_counts(metrics->registry());
  RunQueue queue(store, *blobs, queue_options, &run_counts);
  Salvage salvage(store, *blobs, queue);
  ReconcilerMetrics reconciler_metrics(metrics->registry());
  Reconciler reconciler(store, *ledger, options.reconciler, reconciler_metrics);
  Saga saga(store, *ledger, *quota_changes);
  Extensions extensions(store, *ledger);
  QuotaRequests quota_requests(store, *quota_changes);
  Channels channels(store, *carrier);
  Credentials credentials(store);
  Inbox inbox(store, *carrier);
  Announcer announcer(store);
  DeliveryCounts delivery_counts(metrics->registry());
  Courier courier(store, *carrier, options.courier, &delivery_counts);
  Gauges gauges(store, metrics->registry());
  ChangeTail tail(store, {[&](const std::set<std::string>& names) {
                            signals.resources.Notify();
                            hub.Touch(names);
                          },
                          [&] { hub.TouchAll(); }});

  ProjectRpc project_rpc(catalog);
  CatalogRpc catalog_rpc(catalog);
  StackRpc stack_rpc(stacks, stack_reads, previews, drift, imports, extensions, files, store, hub);
  ChangeRequestRpc change_request_rpc(reviews, quota_requests);
  RunRpc run_rpc(runs, store, hub);
  StateRpc state_rpc(states, state_edits);
  OperationRpc operation_rpc(operations, hub);
  EventRpc event_rpc(store, hub);
  NotificationRpc notification_rpc(channels, inbox);
  RunQueueRpc queue_rpc(queue, salvage, *blobs);
  ScalerRpc scaler_rpc(store, hub);
  CredentialRpc credential_rpc(credentials);
  Introspection introspection("stacks", options.settings, probes);
  DocumentRpc document_rpc(documents, options.document_max_age);

  ServerOptions server_options = options.server;
  server_options.identity = identity.get();
  if (metrics->served()) server_options.metrics = &metrics->registry();
  server_options.peers = Peers();
  server_options.health = health.get();
  ASSIGN_OR_RETURN(
      auto server,
      Server::Start(server_options,
                    {&project_rpc, &catalog_rpc, &stack_rpc, &change_request_rpc, &run_rpc,
                     &state_rpc, &operation_rpc, &event_rpc, &queue_rpc, &credential_rpc,
                     &notification_rpc, &document_rpc, &scaler_rpc, &introspection},
                    [&] {
                      signals.Close();
                      hub.Drain();
                    }));
  std::vector<Task> workers;
  for (int i = 0; i < options.saga_threads; ++i) {
    workers.emplace_back("saga", [&] { saga.Serve(); });
  }
  workers.emplace_back("publisher", [&] { publisher.Serve(); });
  workers.emplace_back("announcer", [&] { announcer.Serve(); });
  for (int i = 0; i < options.notice_threads; ++i) {
    workers.emplace_back("courier", [&] { courier.Serve(); });
  }
  const Loop follower("change-tail", [&] {
    const absl::Status seen = tail.Look();
    if (!seen.ok()) LogError("changes of other replicas stay unseen", {{"error", seen.ToString()}});
    return absl::Milliseconds(250);
  });
  const Loop broom("broom", [&] {
    const absl::Status requests = store.Write(Actor(), [](Change& change) {
      DropOldRequests(change);
      return absl::OkStatus();
    });
    for (const absl::Status& swept :
         {tail.Prune(), inbox.DropOld(options.notice_retention), requests}) {
      if (!swept.ok()) LogError("old rows stay", {{"error", swept.ToString()}});
    }
    return absl::Minutes(1);
  });
  const Loop indexer("stack-index", [&] {
    const absl::StatusOr<bool> done = IndexMore(store);
    if (!done.ok()) LogError("stacks stay unindexed", {{"error", done.status().ToString()}});
    return done.ok() && !*done ? absl::Milliseconds(20) : absl::Seconds(1);
  });
  const Loop blob_broom("blob-broom", [&] {
    for (const auto& swept :
         {retention.Prune(), retention.Sweep(), documents.Sweep(options.retention.blob_grace)}) {
      if (!swept.ok()) LogError("old states stay", {{"error", swept.status().ToString()}});
    }
    return absl::Hours(1);
  });
  const Loop sweeper("lost-runs", [&] {
    const auto count = queue.TakeBack();
    if (!count.ok()) LogError("cannot look for lost runs", {{"error", count.status().ToString()}});
    return absl::Seconds(1);
  });
  const Loop comparison("reconciler", [&] {
    const auto found = reconciler.Compare();
    if (!found.ok()) {
      LogWarning("quota and stacks cannot be compared", {{"error", found.status().ToString()}});
    }
    return options.reconciler.interval;
  });
  std::optional<GaugeLoop> gauge_loop;
  if (metrics->served()) {
    gauge_loop.emplace(
        options.metrics_interval, [&] { return gauges.Refresh(); }, metrics->registry());
  }
  const ReadyWhile ready(*health, DatabaseCheck(*db));
  const int code = server->ServeUntilSignal();
  workers.clear();
  return code;
}

}  // namespace stackyard::stacks
