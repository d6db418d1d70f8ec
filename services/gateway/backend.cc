#include "services/gateway/backend.h"

#include <algorithm>
#include <boost/asio/local/stream_protocol.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/log.h"
#include "services/gateway/proxy_call.h"

namespace stackyard::gateway {
namespace {

using boost::asio::ip::tcp;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kFirstWait(100), kLongestWait(2000);
// How late a new replica gets its first call.
constexpr milliseconds kResolveEvery(10'000);
// A connection that was in use for longer was no failure.
constexpr std::chrono::seconds kLasting(1);

}  // namespace

absl::StatusOr<BackendTarget> BackendTarget::Parse(const std::string& target) {
  BackendTarget parsed;
  absl::string_view rest = target;
  if (absl::ConsumePrefix(&rest, "unix:")) {
    // `unix:///path` is written as well.
    if (absl::StartsWith(rest, "///")) rest.remove_prefix(2);
    parsed.path = std::string(rest);
    // As long as the address of a socket may be.
    if (!parsed.path.empty() && parsed.path.size() < 108) return parsed;
    return absl::InvalidArgumentError(
        absl::StrCat(target, " must name a path of at most 107 characters"));
  }
  absl::ConsumePrefix(&rest, "dns:///");
  const size_t colon = rest.rfind(':');
  if (colon != absl::string_view::npos) {
    absl::string_view host = rest.substr(0, colon);
    if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
    parsed.host = std::string(host);
    parsed.port = std::string(rest.substr(colon + 1));
  }
  if (parsed.host.empty() || parsed.port.empty() || absl::StrContains(parsed.host, "/")) {
    return absl::InvalidArgumentError(
        absl::StrCat(target, " must be unix:/path, host:port or dns:///host:port"));
  }
  return parsed;
}

Backend::Backend(EventLoop& loop, std::string name, BackendTarget target, TlsFiles* tls)
    : loop_(loop),
      name_(std::move(name)),
      target_(std::move(target)),
      tls_(target_.host.empty() ? nullptr : tls),
      resolver_(loop.context()) {}

Backend::~Backend() { Stop(); }

void Backend::Start() {
  if (!target_.host.empty()) return Resolve();
  OnResolved({target_.connect
                  ? Endpoint()
                  : Endpoint(boost::asio::local::stream_protocol::endpoint(target_.path))});
}

void Backend::Stop() {
  stopped_ = true;
  resolver_.cancel();
  addresses_.clear();
  for (const auto& weak : connections_) {
    const auto connection = weak.lock();
    if (connection == nullptr) continue;
    connection->Forget();
    connection->Close("the gateway ends");
  }
  away_ = true;
  TellWaiting();
}

void Backend::Resolve() {
  if (std::exchange(resolving_, true)) return;
  resolved_ = steady_clock::now();
  resolver_.async_resolve(
      target_.host, target_.port, tcp::resolver::numeric_service,
      [this](const boost::system::error_code& error, const tcp::resolver::results_type& found) {
        if (error == boost::asio::error::operation_aborted) return;
        resolving_ = false;
        if (error) {
          // What was found before stays in use; Tick tries again.
          LogWarning("a backend's name cannot be resolved",
                     {{"backend", name_}, {"host", target_.host}, {"error", error.message()}});
          return Judge();
        }
        std::vector<Endpoint> endpoints;
        for (const auto& entry : found) endpoints.emplace_back(entry.endpoint());
        OnResolved(endpoints);
      });
}

void Backend::OnResolved(const std::vector<Endpoint>& endpoints) {
  const auto stays = [&](const std::unique_ptr<Address>& address) {
    return std::find(endpoints.begin(), endpoints.end(), address->endpoint) != endpoints.end();
  };
  const auto first_gone = std::stable_partition(addresses_.begin(), addresses_.end(), stays);
  // Off the list first: what leaves looks for itself there.
  std::vector<std::unique_ptr<Address>> gone(std::make_move_iterator(first_gone),
                                             std::make_move_iterator(addresses_.end()));
  addresses_.erase(first_gone, addresses_.end());
  for (const auto& address : gone) {
    if (const auto connection = std::move(address->connection)) connection->Leave();
  }
  for (const Endpoint& endpoint : endpoints) {
    const bool known = std::any_of(addresses_.begin(), addresses_.end(), [&](const auto& address) {
      return address->endpoint == endpoint;
    });
    if (known) continue;
    addresses_.push_back(
        std::make_unique<Address>(loop_, endpoint, [this](Address& again) { Connect(again); }));
    Connect(*addresses_.back());
  }
}

void Backend::Connect(Address& address) {
  auto connection =
      std::make_shared<BackendConnection>(loop_, name_, tls_ == nullptr ? nullptr : tls_->current(),
                                          static_cast<BackendConnection::Owner&>(*this));
  address.connection = connection;
  connections_.push_back(connection);
  if (!target_.connect) return connection->Connect(address.endpoint);
  const int socket = target_.connect();
  if (socket < 0) return connection->Close("the server of this process does not answer");
  connection->Adopt(socket);
}

BackendConnection* Backend::Pick() {
  for (size_t i = 0; i < addresses_.size(); ++i) {
    const Address& address = *addresses_[next_++ % addresses_.size()];
    if (address.ready) return address.connection.get();
  }
  return nullptr;
}

void Backend::Tick(SteadyTime now) {
  connections_.erase(std::remove_if(connections_.begin(), connections_.end(),
                                    [](const auto& weak) { return weak.expired(); }),
                     connections_.end());
  for (const auto& weak : connections_) {
    if (const auto connection = weak.lock()) connection->Tick(now);
  }
  if (target_.host.empty() || resolving_) return;
  if (now - resolved_ > (addresses_.empty() ? kLongestWait : kResolveEvery)) Resolve();
}

Backend::Address* Backend::Find(const BackendConnection& connection) {
  for (const auto& address : addresses_) {
    if (address->connection.get() == &connection) return address.get();
  }
  return nullptr;
}

void Backend::Judge() {
  const bool ready = std::any_of(addresses_.begin(), addresses_.end(),
                                 [](const auto& address) { return address->ready; });
  away_ = std::all_of(addresses_.begin(), addresses_.end(),
                      [](const auto& address) { return address->failed; });
  if (ready || away_) TellWaiting();
}

void Backend::TellWaiting() {
  for (const auto& weak : std::exchange(waiting_, {})) {
    if (const auto call = weak.lock()) call->OnBackend(Pick());
  }
}

void Backend::ConnectAgain(Address& address, bool was_ready) {
  address.connection = nullptr;
  const bool lasted = was_ready && steady_clock::now() - address.ready_since > kLasting;
  if (lasted) address.wait = milliseconds(0);
  // One that was in use is missed at once; one that keeps failing may be left alone.
  address.again.SetAfter(address.wait);
  address.wait = std::min(kLongestWait, std::max(kFirstWait, address.wait * 8 / 5));
}

void Backend::OnReady(BackendConnection& connection) {
  Address* address = Find(connection);
  if (address == nullptr) return;
  address->ready = true;
  address->ready_since = steady_clock::now();
  address->failed = false;
  Judge();
}

// May be within nghttp2: the next connection is made later.
void Backend::OnLeaving(BackendConnection& connection) {
  Address* address = Find(connection);
  if (address == nullptr) return;
  ConnectAgain(*address, std::exchange(address->ready, false));
  // Who leaves may have a successor.
  if (!target_.host.empty()) Resolve();
}

void Backend::OnGone(BackendConnection& connection, std::string_view why) {
  Address* address = Find(connection);
  if (address == nullptr) return;
  const bool was_ready = std::exchange(address->ready, false);
  if (!was_ready && !std::exchange(address->failed, true)) {
    LogWarning("a backend cannot be connected to",
               {{"backend", name_}, {"error", std::string(why)}});
  }
  ConnectAgain(*address, was_ready);
  if (!target_.host.empty()) Resolve();
  Judge();
}

}  // namespace stackyard::gateway
