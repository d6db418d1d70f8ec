#include "common/server.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/server_builder_option.h>
#include <grpcpp/impl/server_initializer.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/grpc_setup.h"
#include "common/listen_address.h"
#include "common/log.h"
#include "common/peer_identity.h"
#include "common/rpc_metrics.h"
#include "common/span_queue.h"
#include "common/status_macros.h"
#include "common/trace_calls.h"
#include "common/version.h"

namespace stackyard {
namespace {

// After this time a connection takes no new calls, and its peer makes another: so a certificate
// that has ended, or whose authority is gone, is good for no longer. Calls that go on are not
// touched.
constexpr absl::Duration kConnectionAge = absl::Minutes(10);

// Learns the names of the services that a builder registers.
class ServiceNames final : public grpc::ServerBuilderOption {
 public:
  explicit ServiceNames(std::vector<std::string>& names) : names_(names) {}
  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    plugins->push_back(std::make_unique<Reader>(names_));
  }

 private:
  class Reader final : public grpc::ServerBuilderPlugin {
   public:
    explicit Reader(std::vector<std::string>& names) : names_(names) {}
    std::string name() override { return "service names"; }
    void InitServer(grpc::ServerInitializer*) override {}
    void Finish(grpc::ServerInitializer* server) override { names_ = *server->GetServiceList(); }
    void ChangeArguments(const std::string&, void*) override {}

   private:
    std::vector<std::string>& names_;
  };

  std::vector<std::string>& names_;
};

// So that a new gRPC service is forgotten by nobody, be the connections checked or not.
absl::Status CheckCovered(const PeerTable& peers, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (peers.empty() || peers.Covers(name)) continue;
    return absl::InternalError(
        absl::StrCat(name, " has no entry in the table of who may call what"));
  }
  return absl::OkStatus();
}

absl::Status CheckListen(const ServerOptions& options) {
  absl::string_view path = options.listen;
  if (absl::ConsumePrefix(&path, "unix:")) return PrepareSocketFolder(std::string(path));
  if (options.peers.empty() || options.identity != nullptr) return absl::OkStatus();
  if (IsLoopbackAddress(options.listen)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "--listen=", options.listen,
      " can be reached from the network, where whoever connects would be trusted: give "
      "--mtls-cert, --mtls-key and --mtls-ca, or listen on loopback or a Unix socket"));
}

// Zero: any.
absl::Duration ConnectionAge(const ServerOptions& options, bool with_tls) {
  const absl::Duration asked = options.max_connection_age;
  if (!with_tls) return asked;
  return asked > absl::ZeroDuration() ? std::min(asked, kConnectionAge) : kConnectionAge;
}

}  // namespace

void ServerOptions::AddFlags(Flags& flags) {
  flags.Add("listen", &listen, "Address to serve gRPC on: unix:/path or host:port");
  flags.Add("metrics-listen", &metrics_listen,
            "Address of the Prometheus endpoint, host:port; empty: none");
  flags.Add("health-listen", &health_listen,
            "Address that serves grpc.health.v1 alone, in plain text, host:port; empty: none. "
            "`liveness` and `readiness` can be asked for");
  flags.Add("drain", &drain, "How long calls that go on may take after SIGTERM");
}

void ServerOptions::AddDrainDelay(Flags& flags) {
  flags.Add("drain-delay", &drain_delay,
            "How long everything is served on after SIGTERM, with health saying NOT_SERVING, "
            "before the drain begins");
}

void ServerOptions::AddConnectionAge(Flags& flags) {
  flags.Add("max-connection-age", &max_connection_age,
            "After that, peers are asked to connect again, so that new replicas get their share; "
            "0: never, but for mutual TLS, where it is 10m at most");
}

absl::Status ServerOptions::Check() const {
  const std::array<std::pair<const char*, absl::Duration>, 3> times = {
      {{"drain", drain}, {"drain-delay", drain_delay}, {"max-connection-age", max_connection_age}}};
  for (const auto& [flag, time] : times) {
    if (time >= absl::ZeroDuration() && time < absl::Hours(24 * 7)) continue;
    return absl::InvalidArgumentError(absl::StrCat("--", flag, " is not from 0 to 168h"));
  }
  return absl::OkStatus();
}

struct Server::Parts {
  ServerOptions options;
  std::function<void()> on_drain;
  // Where the options name none.
  std::unique_ptr<Health> own_health;
  std::unique_ptr<grpc::Server> server;
  bool down = false;

  Health& health() const { return own_health ? *own_health : *options.health; }
};

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      const std::vector<grpc::Service*>& services,
                                                      std::function<void()> on_drain,
                                                      grpc::CallbackGenericService* generic) {
  SetUpGrpc();

  RETURN_IF_ERROR(options.Check());
  RETURN_IF_ERROR(CheckListen(options));
  grpc::ServerBuilder builder;
  int port = 0;
  absl::string_view path = options.listen;
  const bool is_unix = absl::ConsumePrefix(&path, "unix:");
  // A socket that a dead process left is in the way of nobody; gRPC removes it. What it creates is
  // for the owner alone.
  const mode_t mask = is_unix ? umask(0077) : 0;
  const bool with_tls = options.identity != nullptr && !is_unix;
  if (!options.listen.empty()) {
    builder.AddListeningPort(
        options.listen,
        with_tls ? options.identity->ForServer(options.peers) : grpc::InsecureServerCredentials(),
        &port);
  }
  if (const absl::Duration age = ConnectionAge(options, with_tls); age > absl::ZeroDuration()) {
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                               static_cast<int>(absl::ToInt64Milliseconds(age)));
  }
  std::vector<std::string> names;
  builder.SetOption(std::make_unique<ServiceNames>(names));
  builder.SetMaxReceiveMessageSize(options.max_message_bytes);
  builder.SetMaxSendMessageSize(64 << 20);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // The caller of many projects has a long list of them in the metadata.
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 256 << 10);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  // Threads beyond the most pollers end after a call, and the next burst makes them anew: with 4,
  // every sixth call of 16 at a time made one.
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MIN_POLLERS, 2);
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MAX_POLLERS, 64);
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> interceptors;
  if (options.metrics != nullptr) interceptors.push_back(MakeRpcMetrics(*options.metrics));
  // A server that listens nowhere answers for another, which has the spans of its calls.
  if (ProcessSpans().open() && !options.listen.empty()) interceptors.push_back(TraceServerCalls());
  if (!interceptors.empty()) {
    builder.experimental().SetInterceptorCreators(std::move(interceptors));
  }
  for (grpc::Service* service : services) builder.RegisterService(service);
  if (generic != nullptr) builder.RegisterCallbackGenericService(generic);

  auto parts = std::make_unique<Parts>();
  parts->options = options;
  parts->on_drain = std::move(on_drain);
  parts->server = builder.BuildAndStart();
  if (is_unix) umask(mask);
  if (parts->server == nullptr) {
    return absl::UnavailableError(absl::StrCat(
        "--listen=", options.listen, " cannot be used: taken, or not an address of ours"));
  }
  if (const absl::Status covered = CheckCovered(options.peers, names); !covered.ok()) {
    parts->server->Shutdown();
    return covered;
  }
  if (options.health == nullptr) {
    ASSIGN_OR_RETURN(parts->own_health, Health::Open(options.health_listen));
    parts->own_health->SetReady(true);
  }
  parts->health().Add(parts->server->GetHealthCheckService());

  std::unique_ptr<Server> server(new Server(std::move(parts)));
  if (options.listen.empty()) return server;
  if (is_unix) {
    server->target_ = options.listen;
  } else {
    server->port_ = port;
    server->target_ = absl::StrCat(options.listen.substr(0, options.listen.rfind(':')), ":", port);
  }
  LogInfo("serving", {{"listen", server->target_}, {"version", kVersion}});
  return server;
}

Server::~Server() { Shutdown(); }

int Server::ConnectInside() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) return -1;
  grpc::AddInsecureChannelFromFd(parts_->server.get(), ends[0]);
  return ends[1];
}

int Server::ServeUntilSignal() {
  WaitForSignal();
  parts_->health().Drain();
  LogInfo("draining", {{"after", absl::FormatDuration(parts_->options.drain_delay)}});
  WaitForSignal(parts_->options.drain_delay);
  Shutdown();
  LogInfo("stopped");
  return 0;
}

void Server::Shutdown() {
  if (std::exchange(parts_->down, true)) return;
  parts_->health().Drain();
  if (parts_->on_drain) parts_->on_drain();
  parts_->server->Shutdown(std::chrono::system_clock::now() +
                           absl::ToChronoMicroseconds(parts_->options.drain));
  parts_->server->Wait();
  parts_->health().Remove(parts_->server->GetHealthCheckService());
}

}  // namespace stackyard
