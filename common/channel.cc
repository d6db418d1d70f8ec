#include "common/channel.h"

#include <grpc/grpc.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <chrono>

#include "absl/strings/match.h"
#include "common/log.h"
#include "common/peer_identity.h"
#include "common/principal.h"
#include "common/span_queue.h"
#include "common/trace_calls.h"

namespace stackyard {
namespace {

// UNAVAILABLE only: anything else may have been carried out.
constexpr char kServiceConfig[] = R"({
  "loadBalancingConfig": [{"round_robin": {}}],
  "methodConfig": [{
    "name": [{}],
    "retryPolicy": {
      "maxAttempts": 4,
      "initialBackoff": "0.05s",
      "maxBackoff": "1s",
      "backoffMultiplier": 2,
      "retryableStatusCodes": ["UNAVAILABLE"]
    }
  }]
})";

// http_proxy is for the outside; gRPC would send calls of this machine there too.
bool IsLoopback(const std::string& target) {
  for (const char* start : {"127.", "localhost:", "[::1]:", "dns:///localhost:"}) {
    if (target.rfind(start, 0) == 0) return true;
  }
  return false;
}

std::shared_ptr<grpc::Channel> Make(const std::string& target, bool by_proxy,
                                    const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
  grpc::ChannelArguments arguments;
  if (!by_proxy) arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetServiceConfigJSON(kServiceConfig);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 1);
  arguments.SetMaxReceiveMessageSize(64 << 20);
  arguments.SetMaxSendMessageSize(64 << 20);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  // With probing on, slow readers of fast streams make the window grow without bound.
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  // Names are looked up anew when a connection ends. By default not within 30 s of the last time:
  // too late where replicas are replaced one by one.
  arguments.SetInt(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, 1000);
  if (!ProcessSpans().open()) return grpc::CreateCustomChannel(target, credentials, arguments);
  return grpc::experimental::CreateCustomChannelWithInterceptors(target, credentials, arguments,
                                                                 TraceClientCalls());
}

}  // namespace

std::shared_ptr<grpc::Channel> Connect(const std::string& target) {
  return Make(target, !IsLoopback(target), grpc::InsecureChannelCredentials());
}

std::shared_ptr<grpc::Channel> ConnectPeer(const std::string& target, const std::string& service,
                                           const PeerIdentity* identity) {
  const bool plain = identity == nullptr || absl::StartsWith(target, "unix:");
  return Make(target, false,
              plain ? grpc::InsecureChannelCredentials() : identity->ForChannel(service));
}

void Prepare(grpc::ClientContext& context, absl::Duration timeout) {
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMicroseconds(timeout));
  context.set_wait_for_ready(true);
  if (!RequestScope::RequestId().empty()) {
    context.AddMetadata(kRequestIdKey, RequestScope::RequestId());
  }
  if (!RequestScope::Traceparent().empty()) {
    context.AddMetadata(kTraceparentKey, RequestScope::Traceparent());
  }
}

}  // namespace stackyard
