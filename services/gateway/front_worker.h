// What one event loop has of the front: its part of the connections, and its own to each backend.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "services/gateway/backend.h"
#include "services/gateway/call_metrics.h"
#include "services/gateway/event_loop.h"
#include "services/gateway/front_limits.h"
#include "services/gateway/guard.h"
#include "services/gateway/route_table.h"

namespace stackyard::gateway {

class FrontConnection;

// What all loops of a front share.
struct FrontShared {
  const FrontOptions& options;
  const size_t max_message_bytes;
  const RouteTable& routes;
  Guard& guard;
  CallMetrics& metrics;
  FrontLimits& limits;
  // Null: no TLS.
  TlsFiles* tls;
};

// On the loop's thread, but for the first and the last.
class FrontWorker {
 public:
  FrontWorker(FrontShared& shared, const std::map<std::string, BackendTarget>& backends,
              TlsFiles* backend_tls);
  ~FrontWorker();

  void Start();
  // Takes over a connection of a client.
  void Take(int socket, std::string address, std::string peer);
  // See FrontConnection::Drain.
  void Drain();
  // Ends all at once.
  void Stop();
  size_t connections() const { return connections_.size(); }

  // For its connections and calls.
  const std::shared_ptr<EventLoop>& loop() const { return loop_; }
  FrontShared& shared() { return shared_; }
  // nullptr for one that is not configured.
  Backend* FindBackend(const std::string& name);
  void Forget(FrontConnection& connection);

 private:
  void Tick();

  FrontShared& shared_;
  // Lookups of callers that go on may hold it for longer.
  const std::shared_ptr<EventLoop> loop_;
  absl::flat_hash_map<std::string, std::unique_ptr<Backend>> backends_;
  absl::flat_hash_map<FrontConnection*, std::shared_ptr<FrontConnection>> connections_;
  bool draining_ = false;
  Timeout tick_;
};

}  // namespace stackyard::gateway
