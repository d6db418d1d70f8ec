// Forwards any RPC of the API by its bytes, once the guard has let it pass.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>

#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "services/gateway/call_metrics.h"
#include "services/gateway/guard.h"
#include "services/gateway/route_table.h"

namespace stackyard {
class PeerIdentity;
}

namespace stackyard::gateway {

class ProxyCall;

// The channel to a backend; `target` as gRPC writes it, `service` and `identity` as ConnectPeer
// takes them. Calls fail at once while the backend is away, and nothing but what was never sent is
// sent again: the gateway cannot know what may be repeated.
std::shared_ptr<grpc::Channel> ConnectBackend(const std::string& target,
                                              const std::string& service = "",
                                              const PeerIdentity* identity = nullptr);

class Proxy final : public grpc::CallbackGenericService {
 public:
  // `backends` by the names that protos use; a route to a backend that is not among them answers
  // DEPENDENCY_UNAVAILABLE.
  Proxy(const RouteTable& routes, Guard& guard, CallMetrics& metrics,
        const std::map<std::string, std::shared_ptr<grpc::Channel>>& backends);
  ~Proxy() override;

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override;

  // Ends all streams with UNAVAILABLE, so that clients go on elsewhere. Short calls may end by
  // themselves.
  void Drain();

 private:
  friend class ProxyCall;

  void AddStream(ProxyCall* call);
  void RemoveStream(ProxyCall* call);

  const RouteTable& routes_;
  Guard& guard_;
  CallMetrics& metrics_;
  std::map<std::string, std::unique_ptr<grpc::GenericStub>> stubs_;
  absl::Mutex mutex_;
  absl::flat_hash_set<ProxyCall*> streams_ ABSL_GUARDED_BY(mutex_);
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace stackyard::gateway
