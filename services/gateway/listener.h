// The socket that clients connect to.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace stackyard::gateway {

// A listening socket.
struct Listener {
  int socket = -1;
  // 0 for a Unix socket.
  int port = 0;
  // Where clients find it: `unix:/path` or `host:port`.
  std::string target;
};

// `unix:/path` or `host:port`; port 0 takes a free one. What a dead process left at the path is
// replaced; the new socket is for its owner alone. UNAVAILABLE when the address is taken or not
// ours.
absl::StatusOr<Listener> Listen(const std::string& address);

struct Accepted {
  // Negative: there is none now; `error` says why.
  int socket = -1;
  int error = 0;
  // The client's, without its port: what is limited together.
  std::string address;
  // The same with its port, as gRPC writes peers.
  std::string peer;
};

// Never waits.
Accepted Accept(int listening);

}  // namespace stackyard::gateway
