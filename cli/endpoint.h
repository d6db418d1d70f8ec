// Where the server is, and whether the way there is TLS.
#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace stackyard::cli {

struct Endpoint {
  // As gRPC wants it.
  std::string target;
  bool tls = false;
};

// Loopback addresses and `localhost`.
bool IsThisMachine(const std::string& host);

// Reads `host:port`, `https://host[:port]`, `http://host[:port]` or `unix:/path`. Without a scheme
// it is TLS where an authority is given or it is another machine. INVALID_FIELD on `endpoint`, also
// for another machine without TLS unless `plaintext`.
absl::StatusOr<Endpoint> ReadEndpoint(const std::string& text, bool plaintext, bool has_ca);

// A channel; `ca_pem` is empty for the authorities of the machine.
std::shared_ptr<grpc::Channel> Dial(const Endpoint& endpoint, const std::string& ca_pem);

}  // namespace stackyard::cli
