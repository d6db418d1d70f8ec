#include "services/gateway/front_worker.h"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <utility>
#include <vector>

#include "services/gateway/front_connection.h"

namespace stackyard::gateway {
namespace {

constexpr std::chrono::milliseconds kTick(500);

}  // namespace

FrontWorker::FrontWorker(FrontShared& shared, const std::map<std::string, BackendTarget>& backends,
                         TlsFiles* backend_tls)
    : shared_(shared),
      loop_(std::make_shared<EventLoop>()),
      tick_(loop_->timeouts(), [this] { Tick(); }) {
  for (const auto& [name, target] : backends) {
    backends_[name] = std::make_unique<Backend>(*loop_, name, target, backend_tls);
  }
}

FrontWorker::~FrontWorker() = default;

void FrontWorker::Start() {
  loop_->Post([this] {
    for (const auto& [name, backend] : backends_) backend->Start();
    tick_.SetAfter(kTick);
  });
}

Backend* FrontWorker::FindBackend(const std::string& name) {
  const auto found = backends_.find(name);
  return found == backends_.end() ? nullptr : found->second.get();
}

void FrontWorker::Take(int socket, std::string address, std::string peer) {
  sockaddr_storage local{};
  socklen_t length = sizeof(local);
  Socket::Plain plain(loop_->context());
  boost::system::error_code error;
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&local), &length) == 0) {
    plain.assign({local.ss_family, 0}, socket, error);
  }
  if (!plain.is_open()) {
    close(socket);
    return shared_.limits.CloseConnection(address);
  }
  plain.set_option(boost::asio::ip::tcp::no_delay(true), error);
  auto connection = std::make_shared<FrontConnection>(*this, Socket(std::move(plain)),
                                                      std::move(address), std::move(peer));
  connections_[connection.get()] = connection;
  connection->Open(shared_.tls == nullptr ? nullptr : shared_.tls->current());
  if (draining_) connection->Drain();
}

void FrontWorker::Forget(FrontConnection& connection) { connections_.erase(&connection); }

void FrontWorker::Tick() {
  const SteadyTime now = std::chrono::steady_clock::now();
  for (const auto& [name, backend] : backends_) backend->Tick(now);
  for (const auto& [key, connection] : connections_) connection->Tick(now);
  tick_.SetAfter(kTick);
}

void FrontWorker::Drain() {
  draining_ = true;
  for (const auto& [key, connection] : connections_) connection->Drain();
}

void FrontWorker::Stop() {
  tick_.Clear();
  for (const auto& [key, connection] : connections_) connection->Close("the gateway ends");
  // Once those are gone, with their calls.
  loop_->Post([this] {
    for (const auto& [name, backend] : backends_) backend->Stop();
  });
}

}  // namespace stackyard::gateway
