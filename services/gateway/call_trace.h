// The spans of a call on its way through the gateway: its own, and that of the backend's part.
#pragma once

#include <grpcpp/support/status.h>

#include <string>

#include "common/span.h"
#include "services/gateway/call_headers.h"
#include "services/gateway/route_table.h"

namespace stackyard::gateway {

class CallTrace {
 public:
  // Decides whether the call is recorded, and has the headers say so to whoever works for it. The
  // word of callers of this machine counts, as the REST sidecar is, and with `trust_all` that of
  // everybody. A stranger's trace is gone on with, but how much is recorded is not for strangers to
  // say. `peer` as `ipv4:127.0.0.1:50000` or `unix:…`.
  void Begin(const Route& route, const std::string& peer, bool trust_all, CallHeaders& headers);
  // The call is sent to a backend, for whom the headers name the span of that.
  void SendTo(const Route& route, CallHeaders& headers);
  // The call ended. `resource` as the client named it; empty: unknown.
  void End(grpc::StatusCode code, const std::string& request_id, const std::string& resource);

 private:
  Span call_;
  Span backend_;
};

}  // namespace stackyard::gateway
