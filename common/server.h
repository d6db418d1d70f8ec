// What every service does around its own work: listen, health, reflection, metrics, drain.
#pragma once

#include <grpcpp/impl/service_type.h>
#include <prometheus/registry.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/flags.h"
#include "common/health.h"
#include "common/peer_table.h"

namespace grpc {
class CallbackGenericService;
class Server;
}  // namespace grpc

namespace stackyard {

class PeerIdentity;

struct ServerOptions {
  // Name in logs, metrics and health.
  std::string service;
  // `unix:/path` or `host:port`; port 0 takes a free one. Empty: nowhere, see ConnectInside.
  std::string listen;
  // `host:port` of the Prometheus endpoint; empty: none.
  std::string metrics_listen;
  // `host:port` that serves health alone, see Health::Open; empty: none.
  std::string health_listen;
  // What health tells, here and on the address above; nullptr: the server is ready while it serves.
  // Must outlive the server.
  Health* health = nullptr;
  // How long everything is served on after SIGTERM while health says that it should not be asked
  // any more: those who send calls here need a moment to hear of that.
  absl::Duration drain_delay = absl::ZeroDuration();
  // How long calls that go on may take after SIGTERM.
  absl::Duration drain = absl::Seconds(20);
  // After that a connection takes no new calls, and its peer makes another, which may lead to
  // another replica. Zero: never; by mutual TLS ten minutes at most, in any case.
  absl::Duration max_connection_age = absl::ZeroDuration();
  // Largest message received.
  int max_message_bytes = 64 << 20;
  // Which services of the mesh may call what. Every gRPC service of the server needs an entry, and
  // without mutual TLS the server listens on loopback or a Unix socket only. Empty for the port
  // that is not for services: anybody may connect.
  PeerTable peers;
  // For mutual TLS, which Unix sockets do without; nullptr: none. Must outlive the server.
  const PeerIdentity* identity = nullptr;
  // Where calls are counted; nullptr: nowhere. Must outlive the server.
  prometheus::Registry* metrics = nullptr;

  // Adds --listen, --metrics-listen, --health-listen and --drain.
  void AddFlags(Flags& flags);
  // Adds --drain-delay, for what is called by others.
  void AddDrainDelay(Flags& flags);
  // Adds --max-connection-age.
  void AddConnectionAge(Flags& flags);
  // INVALID_ARGUMENT that names the flag.
  absl::Status Check() const;
};

class Server {
 public:
  // The services must outlive the server. `on_drain` is called once when the drain begins, before
  // calls that go on are waited for: wake and end long polls and streams there. `generic` takes
  // what no service knows; nullptr: UNIMPLEMENTED. UNAVAILABLE or INVALID_ARGUMENT with one line
  // that says what is wrong with --listen.
  static absl::StatusOr<std::unique_ptr<Server>> Start(
      const ServerOptions& options, const std::vector<grpc::Service*>& services,
      std::function<void()> on_drain = nullptr, grpc::CallbackGenericService* generic = nullptr);
  ~Server();

  // Port that it listens on; 0 for a Unix socket.
  int port() const { return port_; }
  // In-process or loopback address to connect to.
  const std::string& target() const { return target_; }
  // A new connection from within the process: answers the client's end, a socket that is the
  // caller's to close; -1 when there is none to be had. From any thread.
  int ConnectInside();
  // Waits for SIGTERM or SIGINT, and then, with health saying NOT_SERVING, for `drain_delay` or
  // another signal. Then drains: new calls are refused, calls that go on end within `drain`.
  // Answers the exit code.
  int ServeUntilSignal();
  // Drains now.
  void Shutdown();

 private:
  struct Parts;
  explicit Server(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
  int port_ = 0;
  std::string target_;
};

// Must be called at the start of main, before any thread: makes SIGTERM and SIGINT wait for
// ServeUntilSignal, and ignores SIGPIPE.
void BlockSignals();

// Waits for SIGTERM or SIGINT (for programs that are no server).
void WaitForSignal();
// The same, at most for so long; answers whether one came.
bool WaitForSignal(absl::Duration limit);

}  // namespace stackyard
