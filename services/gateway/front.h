// The public port: takes connections and forwards the calls on them.
//
// Event loops, one thread each, share the connections among them. A call stays on the loop of its
// connection all the way to the backend and back, so that nothing on its way is locked or waits for
// another thread.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/mutual_tls.h"
#include "common/server.h"
#include "services/gateway/backend.h"
#include "services/gateway/call_metrics.h"
#include "services/gateway/front_options.h"
#include "services/gateway/guard.h"
#include "services/gateway/route_table.h"

namespace stackyard::gateway {

class Front {
 public:
  // What calls are judged and counted by. All of it must outlive the front.
  struct Duties {
    const RouteTable& routes;
    Guard& guard;
    CallMetrics& metrics;
    prometheus::Registry& registry;
  };

  // Of `server`, what says where to listen, how long a drain may take and how large a message may
  // be. `backends` by the names that protos use; a route to one that is not among them answers
  // DEPENDENCY_UNAVAILABLE. INVALID_ARGUMENT for options or files that cannot be used, UNAVAILABLE
  // for an address.
  static absl::StatusOr<std::unique_ptr<Front>> Start(
      const ServerOptions& server, const FrontOptions& options, const MutualTls& mutual_tls,
      const Duties& duties, const std::map<std::string, BackendTarget>& backends);
  ~Front();

  // 0 for a Unix socket.
  int port() const;
  // Address to connect to.
  const std::string& target() const;
  // New connections are refused, streams are ended with UNAVAILABLE, and other calls end within
  // the drain's time. Then nothing is left.
  void Shutdown();

 private:
  struct Parts;
  explicit Front(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace stackyard::gateway
