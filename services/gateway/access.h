// Who may call what. Pure decisions; nothing here does I/O.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/principal.h"
#include "services/gateway/permission_set.h"
#include "services/gateway/route_table.h"

namespace stackyard::gateway {

// A role that somebody holds.
struct Grant {
  // Id of the project; empty: everywhere.
  std::string project;
  // Id of the role.
  std::string role;
  std::shared_ptr<const PermissionSet> permissions;
};

// Somebody with a valid token.
struct Caller {
  // Id of the user.
  std::string user;
  // Of an API token; empty: an ID token.
  std::string token_id;
  // Mail address; empty: unknown.
  std::string email;
  // When the token ends; InfiniteFuture: never.
  absl::Time expire_time = absl::InfiniteFuture();
  // What the token is narrowed to; empty: not narrowed.
  std::vector<std::string> scopes;
  PermissionSet scope_set;
  std::vector<Grant> grants;

  // Whether the permission is held on the project, or everywhere when `project` is empty, and the
  // token is not too narrow for it.
  bool Holds(std::string_view permission, std::string_view project) const;
  bool InScope(std::string_view permission) const {
    return scopes.empty() || scope_set.Has(permission);
  }
};

using CallerPtr = std::shared_ptr<const Caller>;

// Decides about one call; whatever is not expressly allowed is refused. `caller` is null when the
// call came without a valid token. `resource` is what the request names at the route's resource
// path. Answers whom the backend is told about; `request_id` is left to the caller of Decide.
//
// TOKEN_INVALID; INVALID_FIELD for a name that can be of no resource; RESOURCE_NOT_FOUND for a
// project on which the caller has no role at all, whether there is one or not, so that names
// cannot be guessed; PERMISSION_MISSING.
absl::StatusOr<Principal> Decide(const Route& route, const Caller* caller,
                                 std::string_view resource);

}  // namespace stackyard::gateway
