#include "services/gateway/gateway.h"

#include <grpcpp/create_channel_posix.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <sys/socket.h>

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/channel.h"
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
#include "services/gateway/guard.h"
#include "services/gateway/id_token_verifier.h"
#include "services/gateway/identity.h"
#include "services/gateway/identity_schema.h"
#include "services/gateway/identity_service.h"
#include "services/gateway/oidc_provider.h"
#include "services/gateway/proxy.h"
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
  flags.Add("admin-token-file", &admin_token_file,
            "Where the first start writes a token of users/admin; empty: admin-token in the data "
            "folder");
  flags.Add("oidc-file", &oidc_file,
            "YAML list of the OpenID Connect providers whose ID tokens are taken; see "
            "docs/identity.md");
  limits.AddFlags(flags);
}

struct Gateway::Parts {
  explicit Parts(const Clock& clock) : clock(clock) {}
  ~Parts() {
    if (identity_server != nullptr) identity_server->Shutdown();
    if (loop == nullptr) return;
    loop->Stop();
    SaveLastUses();
  }

  absl::Duration KeepHouse();
  // And forgets old replays.
  void SaveLastUses();
  absl::StatusOr<std::shared_ptr<grpc::Channel>> StartIdentityServer();
  void OpenSystemService(const GatewayOptions& options);

  const Clock& clock;
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
  std::unique_ptr<grpc::Server> identity_server;
  std::unique_ptr<CallMetrics> metrics;
  std::unique_ptr<Proxy> proxy;
  std::vector<std::unique_ptr<grpc::Service>> listed;
  absl::Time last_housekeeping = absl::InfinitePast();
  // Last: stops before what it uses goes.
  std::unique_ptr<Loop> loop;
};

// Identity has a server of its own that listens nowhere: its one connection is a pair of sockets
// whose other end is the proxy's channel. So no call can come past the guard, whatever is
// registered beside it later. (gRPC's in-process transport loses the answers of bidirectional calls
// to unary handlers.)
absl::StatusOr<std::shared_ptr<grpc::Channel>> Gateway::Parts::StartIdentityServer() {
  grpc::ServerBuilder builder;
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MAX_POLLERS, 2);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 256 << 10);
  builder.RegisterService(identity_service.get());
  builder.RegisterService(system_service.get());
  identity_server = builder.BuildAndStart();
  int ends[2];
  if (identity_server == nullptr ||
      socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
    return absl::InternalError("the identity service cannot be started");
  }
  grpc::AddInsecureChannelFromFd(identity_server.get(), ends[0]);
  return grpc::CreateInsecureChannelFromFd("identity", ends[1]);
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

absl::StatusOr<std::unique_ptr<Gateway>> Gateway::Open(const GatewayOptions& options,
                                                       const Clock& clock,
                                                       prometheus::Registry& registry) {
  auto parts = std::make_unique<Parts>(clock);
  ASSIGN_OR_RETURN(parts->peer_identity, PeerIdentity::Open(options.mtls, "gateway", clock));
  ASSIGN_OR_RETURN(parts->routes, RouteTable::FromLinkedProtos());
  ASSIGN_OR_RETURN(const std::vector<OidcProvider> providers, LoadOidcProviders(options.oidc_file));
  ASSIGN_OR_RETURN(parts->limits, CallLimits::Make(options.limits, clock, registry));
  const std::string database = options.database.empty()
                                   ? absl::StrCat("sqlite:", options.data, "/gateway.db")
                                   : options.database;
  ASSIGN_OR_RETURN(parts->database, Database::Open(database, GatewayMigrations()));
  const std::string token_file = options.admin_token_file.empty()
                                     ? absl::StrCat(options.data, "/admin-token")
                                     : options.admin_token_file;
  RETURN_IF_ERROR(EnsureAdmin(*parts->database, clock, token_file));

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
  std::map<std::string, std::shared_ptr<grpc::Channel>> backends;
  ASSIGN_OR_RETURN(backends["gateway"], parts->StartIdentityServer());
  const PeerIdentity* peer_identity = parts->peer_identity.get();
  if (!options.stacks_target.empty()) {
    backends["stacks"] = ConnectBackend(options.stacks_target, "stacks", peer_identity);
  }
  if (!options.quota_target.empty()) {
    backends["quota"] = ConnectBackend(options.quota_target, "quota", peer_identity);
  }
  parts->proxy = std::make_unique<Proxy>(parts->routes, *parts->guard, *parts->metrics, backends);
  parts->listed = ListedServices(parts->routes.services());
  parts->loop =
      std::make_unique<Loop>("gateway-house", [parts = parts.get()] { return parts->KeepHouse(); });
  return std::unique_ptr<Gateway>(new Gateway(std::move(parts)));
}

std::vector<grpc::Service*> Gateway::services() const {
  std::vector<grpc::Service*> services;
  for (const auto& service : parts_->listed) services.push_back(service.get());
  return services;
}

grpc::CallbackGenericService* Gateway::generic() const { return parts_->proxy.get(); }

void Gateway::Drain() { parts_->proxy->Drain(); }

}  // namespace stackyard::gateway
