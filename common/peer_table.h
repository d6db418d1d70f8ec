// Which services of the mesh may call what of a server.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace stackyard {

class PeerTable {
 public:
  // By the full name of a gRPC service, the services of the mesh that may call it.
  using Entries = std::map<std::string, std::vector<std::string>, std::less<>>;

  // Nobody may call anything.
  PeerTable() = default;
  explicit PeerTable(Entries entries) : entries_(std::move(entries)) {}

  bool empty() const { return entries_.empty(); }
  // Whether a gRPC service has an entry. Health and reflection need none: every service of the mesh
  // may call them.
  bool Covers(std::string_view grpc_service) const;

  // PEER_REFUSED unless `peer` may call the method `path`, `/package.Service/Method`. A call with a
  // principal is the gateway's alone.
  absl::Status Check(std::string_view path, std::string_view peer, bool has_principal) const;

 private:
  Entries entries_;
};

}  // namespace stackyard
