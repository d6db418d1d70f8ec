// Channels to other services.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <memory>
#include <string>

#include "absl/time/time.h"

namespace stackyard {

class PeerIdentity;

// One shared channel per peer. `target` is `unix:/path`, `host:port` or `dns:///host:port`; with
// several addresses calls go round robin, and a name is looked up anew when a connection ends: a
// server's --max-connection-age is how its peers hear of new replicas. Calls that were not sent yet
// are retried; those that UNAVAILABLE ended are tried up to 4 times with backoff. Messages up to 64
// MiB.
std::shared_ptr<grpc::Channel> Connect(const std::string& target);

// Same, to another service of the mesh, `stacks` or `quota`: with an identity by mutual TLS, where
// whoever answers must have that service's certificate. Unix sockets go without. `identity` may be
// nullptr, and must outlive the channel.
std::shared_ptr<grpc::Channel> ConnectPeer(const std::string& target, const std::string& service,
                                           const PeerIdentity* identity);

// Makes a context ready for a call: deadline, wait_for_ready, and the request and trace ids of the
// thread's RequestScope.
void Prepare(grpc::ClientContext& context, absl::Duration timeout);

}  // namespace stackyard
