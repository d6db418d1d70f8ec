#include "services/stacks/service.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/channel.h"
#include "common/log.h"
#include "common/metrics.h"
#include "services/stacks/announcer.h"
#include "services/stacks/carrier.h"
#include "services/stacks/catalog_policy.h"
#include "services/stacks/catalog_service.h"
#include "services/stacks/change_request_service.h"
#include "services/stacks/change_tail.h"
#include "services/stacks/courier.h"
#include "services/stacks/drift.h"
#include "services/stacks/event_service.h"
#include "services/stacks/imports.h"
#include "services/stacks/lease_metrics.h"
#include "services/stacks/ledger_client.h"
#include "services/stacks/notification_service.h"
#include "services/stacks/operation_service.h"
#include "services/stacks/previews.h"
#include "services/stacks/rows.h"
#include "services/stacks/run_queue_service.h"
#include "services/stacks/run_service.h"
#include "services/stacks/saga.h"
#include "services/stacks/schema.h"
#include "services/stacks/stack_service.h"
#include "services/stacks/state_service.h"
#include "stackyard/v1/credentials.grpc.pb.h"
#include "stackyard/v1/documents.grpc.pb.h"

namespace stackyard::stacks {

void Options::AddFlags(Flags& flags) {
  server.AddFlags(flags);
  flags.Add("data", &data, "Folder of the database and the blobs");
  flags.Add("database", &database,
            "sqlite:PATH or postgresql://USER@HOST/NAME; empty: sqlite:<data>/stacks.db");
  flags.Add("quota-target", &quota_target, "Address of the quota service");
  flags.Add("run-lease", &queue.lease, "A runner that is silent for this long loses its runs");
  flags.Add("run-timeout", &queue.run_timeout, "Longest that a run may take");
  flags.Add("catalog-policy", &catalog_policy,
            "YAML file of what modules may contain: providers, module_sources, provisioners, "
            "denied_data_sources; empty: no modules from outside of the template, no provisioners, "
            "no data source `external`");
  flags.Add("saga-threads", &saga_threads, "Threads that reserve and release quota");
  flags.Add("reconcile-interval", &reconciler.interval,
            "Time between two comparisons of quota's reservations with stacks");
  flags.Add("reconcile-grace", &reconciler.grace,
            "How long a reservation that belongs to no stack is left alone");
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

absl::Status Check(const Options& options) {
  if (options.saga_threads < 1)
    return absl::InvalidArgumentError("--saga-threads must be 1 or more");
  if (options.notice_threads < 1) {
    return absl::InvalidArgumentError("--notice-threads must be 1 or more");
  }
  if (options.reconciler.interval <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError("--reconcile-interval must be more than nothing");
  }
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
  ASSIGN_OR_RETURN(const internal::v1::CatalogPolicy policy,
                   LoadCatalogPolicy(options.catalog_policy));
  ASSIGN_OR_RETURN(const std::unique_ptr<Carrier> carrier, CarrierOf(options));
  ASSIGN_OR_RETURN(auto db, Database::Open(options.database.empty()
                                               ? absl::StrCat("sqlite:", options.data, "/stacks.db")
                                               : options.database,
                                           Schema()));
  ASSIGN_OR_RETURN(auto blobs, OpenDirectoryBlobStore(absl::StrCat(options.data, "/blobs")));
  const SystemClock clock;
  Signals signals;
  WatchHub hub;
  signals.on_names = [&](const std::set<std::string>& names) { hub.Touch(names); };
  Store store(*db, clock, signals);
  ASSIGN_OR_RETURN(const auto metrics, Metrics::Open(options.server.metrics_listen));
  const auto quota = Connect(options.quota_target);
  const auto ledger = MakeLedgerClient(quota);
  const auto quota_changes = MakeQuotaChangeClient(quota);

  Catalog catalog(store, *blobs);
  StackManager stacks(store, *blobs);
  Previews previews(store);
  DriftChecks drift(store);
  Imports imports(store, *blobs);
  Reviews reviews(store);
  RunViews runs(store);
  StateViews states(store, *blobs);
  OperationViews operations(store);
  RunQueueOptions queue_options = options.queue;
  queue_options.policy = policy;
  RunQueue queue(store, *blobs, queue_options);
  ReconcilerMetrics reconciler_metrics(metrics->registry());
  Reconciler reconciler(store, *ledger, options.reconciler, reconciler_metrics);
  Saga saga(store, *ledger, *quota_changes);
  Extensions extensions(store, *ledger);
  QuotaRequests quota_requests(store, *quota_changes);
  LeaseMetrics lease_metrics(store, metrics->registry());
  Channels channels(store, *carrier);
  Inbox inbox(store, *carrier);
  Announcer announcer(store);
  Courier courier(store, *carrier, options.courier);
  ChangeTail tail(store, {[&](const std::set<std::string>& names) {
                            signals.resources.Notify();
                            hub.Touch(names);
                          },
                          [&] { hub.TouchAll(); }});

  ProjectRpc project_rpc(catalog);
  CatalogRpc catalog_rpc(catalog);
  StackRpc stack_rpc(stacks, previews, drift, imports, extensions, store, hub);
  ChangeRequestRpc change_request_rpc(reviews, quota_requests);
  RunRpc run_rpc(runs, store, hub);
  StateRpc state_rpc(states);
  OperationRpc operation_rpc(operations, hub);
  EventRpc event_rpc(store, hub);
  NotificationRpc notification_rpc(channels, inbox);
  RunQueueRpc queue_rpc(queue, *blobs);
  // Part of the API and not built yet: UNIMPLEMENTED.
  v1::CredentialService::Service credential_rpc;
  v1::DocumentService::Service document_rpc;

  ASSIGN_OR_RETURN(auto server,
                   Server::Start(options.server,
                                 {&project_rpc, &catalog_rpc, &stack_rpc, &change_request_rpc,
                                  &run_rpc, &state_rpc, &operation_rpc, &event_rpc, &queue_rpc,
                                  &credential_rpc, &notification_rpc, &document_rpc},
                                 [&] {
                                   signals.Close();
                                   hub.Drain();
                                 }));
  std::vector<Task> workers;
  for (int i = 0; i < options.saga_threads; ++i) {
    workers.emplace_back("saga", [&] { saga.Serve(); });
  }
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
  const Loop overdue("overdue-stacks", [&] {
    const absl::Status counted = lease_metrics.Refresh();
    if (!counted.ok()) LogError("cannot count overdue stacks", {{"error", counted.ToString()}});
    return absl::Seconds(15);
  });
  const int code = server->ServeUntilSignal();
  workers.clear();
  return code;
}

}  // namespace stackyard::stacks
