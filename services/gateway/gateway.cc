#include "services/gateway/gateway.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/channel.h"
#include "common/database_metrics.h"
#include "common/database_wait.h"
#include "common/http_get.h"
#include "common/log.h"
#include "common/peer_identity.h"
#include "common/sql.h"
#include "common/status_macros.h"
#include "common/work.h"
#include "services/gateway/bootstrap.h"
#include "services/gateway/call_metrics.h"
#include "services/gateway/caller_cache.h"
#include "services/gateway/denial_log.h"
#include "services/gateway/front.h"
#include "services/gateway/guard.h"
#include "services/gateway/id_token_verifier.h"
#include "services/gateway/identity.h"
#include "services/gateway/identity_schema.h"
#include "services/gateway/identity_service.h"
#include "services/gateway/oidc_provider.h"
#include "services/gateway/replay.h"
#include "services/gateway/route_table.h"
#include "services/gateway/service_listing.h"
#include "services/gateway/system_service.h"
#include "services/gateway/token_store.h"

namespace stackyard::gateway {
namespace {

constexpr absl::Duration kRefresh = absl::Seconds(1);
// Of things that may be late: last uses of tokens, old replays.
constexpr absl::Duration kHousekeeping = absl::Seconds(10);

// Null without providers.
std::unique_ptr<IdTokenVerifier> MakeIdTokenVerifier(const std::vector<OidcProvider>& providers,
                                                     const Clock& clock,
                                                     prometheus::Registry& registry) {
  if (providers.empty()) return nullptr;
  const auto fetch = [](const OidcProvider& provider, const std::string& url) {
    HttpGetOptions options;
    options.ca_file = provider.ca_file;
    return GetHttp(url, options);
  };
  return std::make_unique<IdTokenVerifier>(providers, fetch, clock, registry);
}

}  // namespace

void GatewayOptions::AddFlags(Flags& flags) {
  flags.Add("stacks-target", &stacks_target, "Address of stackyard-stacks, as gRPC writes it");
  flags.Add("quota-target", &quota_target, "Address of stackyard-quota, as gRPC writes it");
  mtls.AddFlags(flags);
  flags.Add("data", &data, "Folder for the database and the admin token");
  flags.Add("database", &database,
            "sqlite:PATH or postgresql://...; empty: gateway.db in the data folder");
  flags.Add("database-wait", &database_wait,
            "How long a start waits for a database that does not answer; 0: it fails at once");
  flags.Add("admin-token-file", &admin_token_file,
            "Where the first start writes a token of users/admin; empty: admin-token in the data "
            "folder");
  flags.Add("first-admin-token-file", &first_admin_token_file,
            "File with the token that users/admin gets at the very first start, where none is made "
            "and written then; later starts only say whether it still is one");
  flags.Add("oidc-file", &oidc_file,
            "YAML list of the OpenID Connect providers whose ID tokens are taken; see "
            "docs/identity.md");
  limits.AddFlags(flags);
  front.AddFlags(flags);
}

struct Gateway::Parts {
  explicit Parts(const Clock& clock) : clock(clock) {}
  ~Parts() {
    ready.reset();
    if (front != nullptr) front->Shutdown();
    if (local_server != nullptr) local_server->Shutdown();
    if (loop != nullptr) {
      loop->Stop();
      SaveLastUses();
    }
    // Tells all who wait, through the guard, before that goes.
    callers.reset();
  }

  absl::Duration KeepHouse();
  // And forgets old replays.
  void SaveLastUses();
  void OpenSystemService(const GatewayOptions& options);
  absl::Status StartLocalServer();
  absl::StatusOr<std::map<std::string, BackendTarget>> Backends(const GatewayOptions& options);

  const Clock& clock;
  // First: it tells that the process is alive until everything else has ended.
  std::unique_ptr<Health> health;
  absl::Duration drain_delay;
  std::unique_ptr<PeerIdentity> peer_identity;
  RouteTable routes;
  std::unique_ptr<Database> database;
  std::unique_ptr<DenialLog> denials;
  std::unique_ptr<CallerCache> callers;
  std::unique_ptr<CallLimits> limits;
  std::unique_ptr<Guard> guard;
  std::unique_ptr<Identity> identity;
  std::unique_ptr<IdentityService> identity_service;
  std::unique_ptr<SystemService> system_service;
  std::vector<std::unique_ptr<grpc::Service>> listed;
  std::unique_ptr<Server> local_server;
  std::unique_ptr<CallMetrics> metrics;
  std::unique_ptr<Front> front;
  absl::Time last_housekeeping = absl::InfinitePast();
  std::unique_ptr<ReadyWhile> ready;
  // Last: stops before what it uses goes.
  std::unique_ptr<Loop> loop;
};

// Identity, health and reflection have a gRPC server that listens nowhere: its connections are
// pairs of sockets whose other ends are the front's. So no call can come past the guard, whatever
// is registered here later.
absl::Status Gateway::Parts::StartLocalServer() {
  listed = ListedServices(routes.services());
  // Reflection lists what is forwarded; what is served here is found by its methods.
  std::vector<grpc::Service*> services = {identity_service.get(), system_service.get()};
  for (const auto& service : listed) services.push_back(service.get());
  ServerOptions options;
  options.service = "gateway";
  options.drain = absl::ZeroDuration();
  options.health = health.get();
  ASSIGN_OR_RETURN(local_server, Server::Start(options, services));
  return absl::OkStatus();
}

absl::StatusOr<std::map<std::string, BackendTarget>> Gateway::Parts::Backends(
    const GatewayOptions& options) {
  std::map<std::string, BackendTarget> backends;
  backends["gateway"].connect = [this] { return local_server->ConnectInside(); };
  if (!options.stacks_target.empty()) {
    ASSIGN_OR_RETURN(backends["stacks"], BackendTarget::Parse(options.stacks_target));
  }
  if (!options.quota_target.empty()) {
    ASSIGN_OR_RETURN(backends["quota"], BackendTarget::Parse(options.quota_target));
  }
  return backends;
}

void Gateway::Parts::OpenSystemService(const GatewayOptions& options) {
  std::map<std::string, std::shared_ptr<grpc::Channel>> peers;
  for (const auto& [name, target] :
       {std::pair("stacks", &options.stacks_target), std::pair("quota", &options.quota_target)}) {
    if (!target->empty()) peers[name] = ConnectPeer(*target, name, peer_identity.get());
  }
  system_service = std::make_unique<SystemService>(options.settings, peers);
  system_service->probes().AddCheck("database", DatabaseCheck(*database));
}

absl::Duration Gateway::Parts::KeepHouse() {
  callers->Refresh();
  if (const absl::Status status = denials->Flush(); !status.ok()) {
    LogError("cannot write denials", {{"error", status.ToString()}});
  }
  const absl::Time now = clock.TimeNow();
  if (now - last_housekeeping < kHousekeeping) return kRefresh;
  last_housekeeping = now;
  SaveLastUses();
  return kRefresh;
}

void Gateway::Parts::SaveLastUses() {
  const auto last_uses = callers->TakeLastUses();
  const absl::Status status = database->Write([&](soci::session& sql) {
    for (const auto& [token, time] : last_uses) SaveLastUse(sql, token, time);
    ForgetReplays(sql, clock.TimeNow());
    return absl::OkStatus();
  });
  if (!status.ok()) LogError("housekeeping", {{"error", status.ToString()}});
}

Gateway::Gateway(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Gateway::~Gateway() = default;

absl::StatusOr<std::unique_ptr<Gateway>> Gateway::Start(const ServerOptions& server,
                                                        const GatewayOptions& options,
                                                        const Clock& clock,
                                                        prometheus::Registry& registry) {
  RETURN_IF_ERROR(server.Check());
  if (!options.admin_token_file.empty() && !options.first_admin_token_file.empty()) {
    return absl::InvalidArgumentError(
        "--admin-token-file and --first-admin-token-file are two ways: give one of them");
  }
  auto parts = std::make_unique<Parts>(clock);
  parts->drain_delay = server.drain_delay;
  ASSIGN_OR_RETURN(parts->health, Health::Open(server.health_listen));
  ASSIGN_OR_RETURN(parts->peer_identity, PeerIdentity::Open(options.mtls, "gateway", clock));
  ASSIGN_OR_RETURN(parts->routes, RouteTable::FromLinkedProtos());
  ASSIGN_OR_RETURN(const std::vector<OidcProvider> providers, LoadOidcProviders(options.oidc_file));
  ASSIGN_OR_RETURN(parts->limits, CallLimits::Make(options.limits, clock, registry));
  const std::string database = options.database.empty()
                                   ? absl::StrCat("sqlite:", options.data, "/gateway.db")
                                   : options.database;
  ASSIGN_OR_RETURN(parts->database, OpenWithin(options.database_wait, [&] {
                     return Database::Open(database, GatewayMigrations());
                   }));
  if (!server.metrics_listen.empty()) MeasureDatabase(*parts->database, registry);
  if (options.first_admin_token_file.empty()) {
    const std::string token_file = options.admin_token_file.empty()
                                       ? absl::StrCat(options.data, "/admin-token")
                                       : options.admin_token_file;
    RETURN_IF_ERROR(EnsureAdmin(*parts->database, clock, token_file));
  } else {
    RETURN_IF_ERROR(EnsureFirstAdmin(*parts->database, clock, options.first_admin_token_file));
  }

  parts->denials = std::make_unique<DenialLog>(*parts->database, registry);
  parts->callers = std::make_unique<CallerCache>(*parts->database, clock,
                                                 MakeIdTokenVerifier(providers, clock, registry));
  parts->guard = std::make_unique<Guard>(*parts->callers, *parts->limits, *parts->denials, clock);
  parts->identity =
      std::make_unique<Identity>(*parts->database, parts->routes.permissions(), clock,
                                 [callers = parts->callers.get()] { callers->Refresh(); });
  parts->identity_service =
      std::make_unique<IdentityService>(*parts->identity, *parts->denials, providers);
  parts->metrics = std::make_unique<CallMetrics>(parts->routes, registry);

  parts->OpenSystemService(options);
  RETURN_IF_ERROR(parts->StartLocalServer());
  ASSIGN_OR_RETURN(const auto backends, parts->Backends(options));
  const Front::Duties duties = {parts->routes, *parts->guard, *parts->metrics, registry};
  ASSIGN_OR_RETURN(parts->front,
                   Front::Start(server, options.front, options.mtls, duties, backends));
  parts->loop =
      std::make_unique<Loop>("gateway-house", [parts = parts.get()] { return parts->KeepHouse(); });
  // Backends are no part of it: one of them away would take away the whole API, this service's own
  // and the words of the error included.
  parts->ready = std::make_unique<ReadyWhile>(*parts->health, DatabaseCheck(*parts->database));
  return std::unique_ptr<Gateway>(new Gateway(std::move(parts)));
}

const std::string& Gateway::target() const { return parts_->front->target(); }
const std::string& Gateway::health_target() const { return parts_->health->target(); }

std::shared_ptr<prometheus::Collectable> Gateway::certificate() const {
  return parts_->peer_identity == nullptr ? nullptr : parts_->peer_identity->metrics();
}

int Gateway::ServeUntilSignal() {
  WaitForSignal();
  parts_->health->Drain();
  LogInfo("draining", {{"after", absl::FormatDuration(parts_->drain_delay)}});
  WaitForSignal(parts_->drain_delay);
  Shutdown();
  LogInfo("stopped");
  return 0;
}

void Gateway::Shutdown() {
  parts_->health->Drain();
  parts_->front->Shutdown();
}

}  // namespace stackyard::gateway
