// A service that calls are sent to: its addresses, and a connection of one loop to each.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/gateway/backend_connection.h"
#include "services/gateway/event_loop.h"

namespace stackyard::gateway {

// Where a backend is. One of the three.
struct BackendTarget {
  // `unix:/path`, `host:port` or `dns:///host:port`. INVALID_ARGUMENT for anything else.
  static absl::StatusOr<BackendTarget> Parse(const std::string& target);

  std::string path;
  std::string host, port;
  // A server of this process: answers a connected socket, or -1.
  std::function<int()> connect;
};

// Calls go round robin over the addresses that answer. An address that does not is tried again
// after 100 ms, then less often, up to 2 s. Names are looked up again when a connection breaks or
// takes no more calls, and every ten seconds. All on the loop's thread.
class Backend final : private BackendConnection::Owner {
 public:
  // `tls` may be null; it must outlive the backend, and the backend its last connection. Sockets of
  // this machine are without TLS, whoever the peer is.
  Backend(EventLoop& loop, std::string name, BackendTarget target, TlsFiles* tls);
  ~Backend() override;

  void Start();
  void Stop();
  // The connection for the next call; null when there is none.
  BackendConnection* Pick();
  // Whether the last attempt to connect failed, so that it makes no sense to wait.
  bool away() const { return away_; }
  // Has the call told once there is a connection, or none to be had.
  void Wait(std::weak_ptr<ProxyCall> call) { waiting_.push_back(std::move(call)); }
  // To be called about each second.
  void Tick(SteadyTime now);

 private:
  using Endpoint = boost::asio::generic::stream_protocol::endpoint;
  struct Address {
    Address(EventLoop& loop, Endpoint where, std::function<void(Address&)> retry)
        : endpoint(std::move(where)),
          again(loop.timeouts(), [this, retry = std::move(retry)] { retry(*this); }) {}

    const Endpoint endpoint;
    // Null while there is none.
    std::shared_ptr<BackendConnection> connection;
    bool ready = false;
    SteadyTime ready_since;
    bool failed = false;
    // Before the next attempt.
    std::chrono::milliseconds wait{100};
    Timeout again;
  };

  void Resolve();
  void OnResolved(const std::vector<Endpoint>& endpoints);
  void Connect(Address& address);
  // Has an address without connection connected to again.
  void ConnectAgain(Address& address, bool was_ready);
  Address* Find(const BackendConnection& connection);
  // Whether calls should go on to wait.
  void Judge();
  void TellWaiting();

  void OnReady(BackendConnection& connection) override;
  void OnLeaving(BackendConnection& connection) override;
  void OnGone(BackendConnection& connection, std::string_view why) override;

  EventLoop& loop_;
  const std::string name_;
  const BackendTarget target_;
  TlsFiles* const tls_;
  boost::asio::ip::tcp::resolver resolver_;
  std::vector<std::unique_ptr<Address>> addresses_;
  // All that were not told to be forgotten, also those that take no more calls.
  std::vector<std::weak_ptr<BackendConnection>> connections_;
  size_t next_ = 0;
  bool away_ = false;
  bool resolving_ = false;
  bool stopped_ = false;
  SteadyTime resolved_;
  std::vector<std::weak_ptr<ProxyCall>> waiting_;
};

}  // namespace stackyard::gateway
