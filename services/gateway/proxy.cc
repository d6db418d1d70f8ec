#include "services/gateway/proxy.h"

#include <grpc/grpc.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include "absl/strings/match.h"
#include "common/peer_identity.h"
#include "services/gateway/proxy_call.h"

namespace stackyard::gateway {

std::shared_ptr<grpc::Channel> ConnectBackend(const std::string& target, const std::string& service,
                                              const PeerIdentity* identity) {
  grpc::ChannelArguments arguments;
  arguments.SetLoadBalancingPolicyName("round_robin");
  // The server's cap on what it receives is the only one.
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  // With probing on, slow readers of fast streams make the window grow without bound.
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  const bool plain = identity == nullptr || absl::StartsWith(target, "unix:");
  auto channel = grpc::CreateCustomChannel(
      target, plain ? grpc::InsecureChannelCredentials() : identity->ForChannel(service),
      arguments);
  // The first call should not wait for the connection.
  channel->GetState(true);
  return channel;
}

Proxy::Proxy(const RouteTable& routes, Guard& guard, CallMetrics& metrics,
             const std::map<std::string, std::shared_ptr<grpc::Channel>>& backends)
    : routes_(routes), guard_(guard), metrics_(metrics) {
  for (const auto& [name, channel] : backends) {
    stubs_[name] = std::make_unique<grpc::GenericStub>(channel);
  }
}

Proxy::~Proxy() = default;

grpc::ServerGenericBidiReactor* Proxy::CreateReactor(grpc::GenericCallbackServerContext* context) {
  const Route* route = routes_.Find(context->method());
  const auto stub = route == nullptr ? stubs_.end() : stubs_.find(route->backend);
  auto* call =
      new ProxyCall(*this, context, route, stub == stubs_.end() ? nullptr : stub->second.get());
  call->Start();
  return call;
}

void Proxy::Drain() {
  absl::MutexLock lock(&mutex_);
  draining_ = true;
  for (ProxyCall* call : streams_) call->Drain();
}

void Proxy::AddStream(ProxyCall* call) {
  absl::MutexLock lock(&mutex_);
  streams_.insert(call);
  if (draining_) call->Drain();
}

void Proxy::RemoveStream(ProxyCall* call) {
  absl::MutexLock lock(&mutex_);
  streams_.erase(call);
}

}  // namespace stackyard::gateway
