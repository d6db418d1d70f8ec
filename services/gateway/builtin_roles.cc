#include "services/gateway/builtin_roles.h"

#include <string>

namespace stackyard::gateway {
namespace {

using Permissions = std::vector<std::string>;

Permissions Join(Permissions base, const Permissions& more) {
  base.insert(base.end(), more.begin(), more.end());
  return base;
}

// Sees what goes on; secrets and raw state stay hidden.
Permissions Viewer() {
  return {"changeRequests.get",
          "changeRequests.list",
          "documents.get",
          "documents.list",
          "events.list",
          "notifications.list",
          "notifications.update",
          "operations.get",
          "projects.get",
          "projects.list",
          "quota.get",
          "roles.get",
          "roles.list",
          "runs.get",
          "runs.list",
          "stacks.get",
          "stacks.list",
          "states.get",
          "templates.get",
          "templates.list"};
}

// Has stacks.
Permissions Dev() {
  return Join(Viewer(),
              {"changeRequests.create", "channels.get", "channels.list", "credentials.get",
               "credentials.list", "operations.cancel", "runs.cancel", "stacks.create",
               "stacks.delete", "stacks.revealOutputs", "stacks.update", "states.download"});
}

// Reviews, and runs the place; does not decide who belongs to it.
Permissions Devops() {
  return Join(Dev(),
              {"bindings.get", "bindings.list", "changeRequests.review", "channels.*",
               "credentials.*", "documents.delete", "documents.put", "events.verify",
               "projects.update", "quota.grants.create", "quota.limits.set", "states.forceUnlock",
               "states.write", "templates.*", "users.get", "users.list"});
}

v1::Role Make(const std::string& id, const std::string& display_name,
              const Permissions& permissions) {
  v1::Role role;
  role.set_name("roles/" + id);
  role.set_display_name(display_name);
  role.mutable_permissions()->Assign(permissions.begin(), permissions.end());
  role.set_built_in(true);
  return role;
}

}  // namespace

const std::vector<v1::Role>& BuiltinRoles() {
  static const auto& roles = *new std::vector<v1::Role>{
      Make("admin", "Administrator", {"*"}),
      Make("dev", "Developer", Dev()),
      Make("devops", "Operator and reviewer", Devops()),
      Make("viewer", "Viewer", Viewer()),
  };
  return roles;
}

const v1::Role* FindBuiltinRole(std::string_view id) {
  for (const v1::Role& role : BuiltinRoles()) {
    if (std::string_view(role.name()).substr(6) == id) return &role;
  }
  return nullptr;
}

}  // namespace stackyard::gateway
