// Channels to other services.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <memory>
#include <string>

#include "absl/time/time.h"

namespace stackyard {

// One shared channel per peer. `target` is `unix:/path`, `host:port` or `dns:///host:port`; with
// several addresses calls go round robin. Calls that were not sent yet are retried; those that
// UNAVAILABLE ended are tried up to 4 times with backoff. Messages up to 64 MiB.
std::shared_ptr<grpc::Channel> Connect(const std::string& target);

// Makes a context ready for a call: deadline, wait_for_ready, and the request and trace ids of the
// thread's RequestScope.
void Prepare(grpc::ClientContext& context, absl::Duration timeout);

}  // namespace stackyard
