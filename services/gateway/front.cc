#include "services/gateway/front.h"

#include <unistd.h>

#include <atomic>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstring>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/blocking_counter.h"
#include "common/log.h"
#include "common/poll_until.h"
#include "common/status_macros.h"
#include "common/version.h"
#include "services/gateway/front_limits.h"
#include "services/gateway/front_worker.h"
#include "services/gateway/listener.h"
#include "services/gateway/tls_files.h"

namespace stackyard::gateway {
namespace {

// When there are no file descriptors left.
constexpr std::chrono::milliseconds kAcceptPause(100);
constexpr std::chrono::seconds kRefreshFiles(1);

}  // namespace

struct Front::Parts {
  Parts(const ServerOptions& server, const FrontOptions& given, const Duties& duties)
      : server(server),
        options(given),
        limits(options, duties.registry),
        shared{options,        static_cast<size_t>(server.max_message_bytes),
               duties.routes,  duties.guard,
               duties.metrics, limits,
               nullptr} {}

  void Accept();
  // Ends all that is still open, and the loops.
  void Stop();
  void RefreshFiles();
  // Runs `work` on each loop and waits for all.
  void OnAll(const std::function<void(FrontWorker&)>& work);

  const ServerOptions server;
  const FrontOptions options;
  FrontLimits limits;
  std::unique_ptr<TlsFiles> tls;
  std::unique_ptr<TlsFiles> backend_tls;
  FrontShared shared;
  Listener listener;
  std::vector<std::unique_ptr<FrontWorker>> workers;
  // On the first loop.
  std::unique_ptr<boost::asio::posix::stream_descriptor> acceptor;
  std::unique_ptr<Timeout> accept_again;
  std::unique_ptr<Timeout> refresh_files;
  size_t next_worker = 0;
  bool down = false;
};

Front::Front(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

absl::StatusOr<std::unique_ptr<Front>> Front::Start(
    const ServerOptions& server, const FrontOptions& options, const MutualTls& mutual_tls,
    const Duties& duties, const std::map<std::string, BackendTarget>& backends) {
  RETURN_IF_ERROR(options.Check());
  RETURN_IF_ERROR(mutual_tls.Check());
  auto parts = std::make_unique<Parts>(server, options, duties);
  if (!options.tls_cert.empty()) {
    ASSIGN_OR_RETURN(parts->tls, TlsFiles::ForServer(options.tls_cert, options.tls_key));
    parts->shared.tls = parts->tls.get();
  }
  if (mutual_tls.on()) {
    ASSIGN_OR_RETURN(parts->backend_tls, TlsFiles::ForServices(mutual_tls));
  }
  ASSIGN_OR_RETURN(parts->listener, Listen(server.listen));

  const unsigned processors = std::max(1u, std::thread::hardware_concurrency());
  const int threads = options.threads > 0 ? options.threads : static_cast<int>(processors);
  for (int i = 0; i < threads; ++i) {
    parts->workers.push_back(
        std::make_unique<FrontWorker>(parts->shared, backends, parts->backend_tls.get()));
  }
  EventLoop& first = *parts->workers[0]->loop();
  parts->acceptor = std::make_unique<boost::asio::posix::stream_descriptor>(first.context(),
                                                                            parts->listener.socket);
  Parts* const raw = parts.get();
  parts->accept_again = std::make_unique<Timeout>(first.timeouts(), [raw] { raw->Accept(); });
  parts->refresh_files =
      std::make_unique<Timeout>(first.timeouts(), [raw] { raw->RefreshFiles(); });
  for (const auto& worker : parts->workers) worker->Start();
  first.Post([raw] {
    raw->Accept();
    raw->RefreshFiles();
  });
  for (size_t i = 0; i < parts->workers.size(); ++i) {
    parts->workers[i]->loop()->Start(absl::StrCat("front-", i));
  }
  LogInfo("serving", {{"listen", parts->listener.target}, {"version", kVersion}});
  return std::unique_ptr<Front>(new Front(std::move(parts)));
}

void Front::Parts::Accept() {
  if (acceptor == nullptr) return;
  while (true) {
    Accepted accepted = gateway::Accept(listener.socket);
    if (accepted.socket < 0) {
      if (accepted.error == EAGAIN || accepted.error == EWOULDBLOCK) break;
      if (accepted.error == EINTR || accepted.error == ECONNABORTED) continue;
      LogWarning("no connection can be accepted", {{"error", strerror(accepted.error)}});
      return accept_again->SetAfter(kAcceptPause);
    }
    if (!limits.TryOpenConnection(accepted.address)) {
      close(accepted.socket);
      continue;
    }
    FrontWorker& worker = *workers[next_worker++ % workers.size()];
    worker.loop()->Post([&worker, accepted = std::move(accepted)] {
      worker.Take(accepted.socket, accepted.address, accepted.peer);
    });
  }
  acceptor->async_wait(boost::asio::posix::stream_descriptor::wait_read,
                       [this](const boost::system::error_code& error) {
                         if (!error) Accept();
                       });
}

void Front::Parts::RefreshFiles() {
  if (tls != nullptr) tls->Refresh();
  if (backend_tls != nullptr) backend_tls->Refresh();
  refresh_files->SetAfter(kRefreshFiles);
}

void Front::Parts::OnAll(const std::function<void(FrontWorker&)>& work) {
  absl::BlockingCounter left(static_cast<int>(workers.size()));
  for (const auto& worker : workers) {
    worker->loop()->Post([&] {
      work(*worker);
      left.DecrementCount();
    });
  }
  left.Wait();
}

void Front::Parts::Stop() {
  OnAll([](FrontWorker& worker) { worker.Stop(); });
  // What was closed is told, and what that closes in turn.
  for (int turn = 0; turn < 4; ++turn) OnAll([](FrontWorker&) {});
  for (const auto& worker : workers) worker->loop()->Stop();
}

Front::~Front() { Shutdown(); }

int Front::port() const { return parts_->listener.port; }
const std::string& Front::target() const { return parts_->listener.target; }

void Front::Shutdown() {
  if (std::exchange(parts_->down, true)) return;
  parts_->OnAll([this](FrontWorker& worker) {
    if (&worker == parts_->workers[0].get()) {
      parts_->accept_again->Clear();
      // Closes the socket.
      parts_->acceptor.reset();
      if (parts_->listener.port == 0) unlink(parts_->listener.target.c_str() + strlen("unix:"));
    }
  });
  // Connections that were accepted before are on their loops by now.
  parts_->OnAll([](FrontWorker& worker) { worker.Drain(); });
  const auto all_gone = [this] {
    std::atomic<size_t> open{0};
    parts_->OnAll([&open](FrontWorker& worker) { open += worker.connections(); });
    return open == 0;
  };
  PollUntil(all_gone, parts_->server.drain);
  parts_->Stop();
}

}  // namespace stackyard::gateway
