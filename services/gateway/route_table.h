// What the protos say about every RPC: where it is served and who may call it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "google/protobuf/descriptor.h"
#include "services/gateway/wire_scan.h"

namespace stackyard::gateway {

// Who an RPC is open to.
enum class Audience {
  // Nobody: the proto does not say.
  kNobody,
  // Callers with the permission.
  kPermission,
  // Any caller with a valid token.
  kAuthenticated,
  // Everybody.
  kPublic,
};

struct Route {
  // `/stackyard.v1.StackService/GetStack`.
  std::string method;
  // `stacks`, `quota` or `gateway`.
  std::string backend;
  Audience audience = Audience::kNobody;
  // Empty when none is needed.
  std::string permission;
  // Where the request names the resource; empty: the permission is needed globally.
  FieldPath resource;
  // The resource is always one in a project.
  bool in_project = false;
  // `projects/-` stands for all projects that the caller may see.
  bool across_projects = false;
  bool client_streaming = false;
  bool server_streaming = false;
  // Position in the table, from 0.
  int index = 0;
};

class RouteTable {
 public:
  // Reads every service of the package `stackyard.v1` that is linked in. Fails when an option
  // cannot be obeyed, for example names a field that is not there.
  static absl::StatusOr<RouteTable> FromLinkedProtos();
  // Same, for given services.
  static absl::StatusOr<RouteTable> Build(
      const std::vector<const google::protobuf::ServiceDescriptor*>& services);

  // nullptr for a method that is not part of the API.
  const Route* Find(std::string_view method) const;
  const std::vector<Route>& routes() const { return routes_; }
  // Full names of the services, sorted.
  const std::vector<std::string>& services() const { return services_; }
  // Every permission that a route needs, sorted.
  const std::vector<std::string>& permissions() const { return permissions_; }

 private:
  std::vector<Route> routes_;
  std::vector<std::string> services_;
  std::vector<std::string> permissions_;
  absl::flat_hash_map<std::string, int> by_method_;
};

}  // namespace stackyard::gateway
