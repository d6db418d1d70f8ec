#include <algorithm>

#include "common/id.h"
#include "common/resource_name.h"
#include "services/gateway/admin_check.h"
#include "services/gateway/binding_store.h"
#include "services/gateway/builtin_roles.h"
#include "services/gateway/identity_internal.h"

namespace stackyard::gateway {
namespace {

std::string IdOf(const v1::Role& role) { return role.name().substr(6); }

void CheckRole(const v1::Role& role, const std::vector<std::string>& known,
               Violations& violations) {
  CheckText("role.display_name", role.display_name(), 100, violations);
  for (const std::string& permission : role.permissions()) {
    if (!IsKnownPattern(permission, known)) {
      violations.Add("role.permissions", absl::StrCat("`", permission, "` is no permission"));
    }
  }
}

absl::Status BuiltIn(const std::string& id) {
  return Error(v1::WRONG_STATE, absl::StrCat("roles/", id, " is built in and cannot be changed"),
               {{"resource", absl::StrCat("roles/", id)}});
}

std::vector<std::string> PermissionsOf(const v1::Role& role) {
  return {role.permissions().begin(), role.permissions().end()};
}

// Built-in and own roles are two lists, each in order.
absl::StatusOr<std::vector<v1::Role>> FetchRoles(soci::session& sql, const Range& range) {
  ASSIGN_OR_RETURN(std::vector<v1::Role> roles, kRoles.List<v1::Role>(sql, range));
  for (const v1::Role& role : BuiltinRoles()) {
    const std::string id = IdOf(role);
    const bool comes =
        range.after.empty() || (range.descending ? id < range.after : id > range.after);
    if (comes) roles.push_back(role);
  }
  std::sort(roles.begin(), roles.end(), [&](const v1::Role& a, const v1::Role& b) {
    return range.descending ? IdOf(a) > IdOf(b) : IdOf(a) < IdOf(b);
  });
  if (static_cast<int>(roles.size()) > range.limit) roles.resize(range.limit);
  return roles;
}

}  // namespace

absl::StatusOr<v1::Role> Identity::ReadRole(soci::session& sql, const std::string& id) const {
  if (const v1::Role* builtin = FindBuiltinRole(id); builtin != nullptr) return *builtin;
  v1::Role role;
  RETURN_IF_ERROR(kRoles.Read(sql, id, role));
  return role;
}

absl::StatusOr<v1::Role> Identity::CreateRole(const Principal& caller,
                                              const v1::CreateRoleRequest& request) {
  Violations violations;
  const std::string& id = request.role_id();
  if (!IsResourceId(id)) violations.Add("role_id", kResourceIdRule);
  if (request.role().permissions().empty()) {
    violations.Add("role.permissions", "must not be empty");
  }
  CheckRole(request.role(), permissions_, violations);
  RETURN_IF_ERROR(violations.ToStatus());
  const ReplayKey key{caller.user(), "CreateRole", request.request_id()};
  return Change<v1::Role>(key, request, [&](soci::session& sql) -> absl::StatusOr<v1::Role> {
    if (FindBuiltinRole(id) != nullptr || kRoles.Has(sql, id)) {
      return Exists(absl::StrCat("roles/", id));
    }
    RETURN_IF_ERROR(CheckHolds(sql, caller, "", PermissionsOf(request.role())));
    v1::Role role = request.role();
    role.set_name(absl::StrCat("roles/", id));
    role.clear_built_in();
    role.set_etag(RandomId());
    kRoles.Save(sql, id, role);
    return role;
  });
}

absl::StatusOr<v1::Role> Identity::GetRole(const v1::GetRoleRequest& request) {
  ASSIGN_OR_RETURN(const std::string id, ReadId("name", request.name(), "roles"));
  return Read<v1::Role>([&](soci::session& sql) { return ReadRole(sql, id); });
}

absl::StatusOr<v1::ListRolesResponse> Identity::ListRoles(const v1::ListRolesRequest& request) {
  using Response = v1::ListRolesResponse;
  return Read<Response>([&](soci::session& sql) -> absl::StatusOr<Response> {
    Listing<v1::Role> listing;
    listing.scope = "roles";
    listing.filter_fields = {"name", "display_name", "built_in"};
    listing.fetch = [&](const Range& range) { return FetchRoles(sql, range); };
    listing.key = IdOf;
    listing.fields = [](const v1::Role& role) {
      return ListFilter::Fields{{"name", role.name()},
                                {"display_name", role.display_name()},
                                {"built_in", role.built_in() ? "true" : "false"}};
    };
    Response response;
    ASSIGN_OR_RETURN(const auto roles,
                     listing.Read(request.page_size(), request.page_token(), request.filter(),
                                  request.order_by(), response.mutable_next_page_token()));
    response.mutable_roles()->Assign(roles.begin(), roles.end());
    return response;
  });
}

absl::StatusOr<v1::Role> Identity::UpdateRole(const Principal& caller,
                                              const v1::UpdateRoleRequest& request) {
  Violations violations;
  std::vector<std::string> set;
  if (!request.role().display_name().empty()) set.push_back("display_name");
  if (!request.role().permissions().empty()) set.push_back("permissions");
  const auto mask =
      ReadMask(request.update_mask(), {"display_name", "permissions"}, set, violations);
  if (mask.contains("permissions") && request.role().permissions().empty()) {
    violations.Add("role.permissions", "must not be empty");
  }
  CheckRole(request.role(), permissions_, violations);
  RETURN_IF_ERROR(violations.ToStatus());
  ASSIGN_OR_RETURN(const std::string id, ReadId("role.name", request.role().name(), "roles"));
  if (FindBuiltinRole(id) != nullptr) return BuiltIn(id);
  const ReplayKey key{caller.user(), "UpdateRole",
                      request.validate_only() ? "" : request.request_id()};
  return Change<v1::Role>(key, request, [&](soci::session& sql) -> absl::StatusOr<v1::Role> {
    v1::Role role;
    RETURN_IF_ERROR(kRoles.Read(sql, id, role));
    RETURN_IF_ERROR(CheckEtag(request.role().etag(), role.etag()));
    const v1::Role before = role;
    if (mask.contains("display_name")) role.set_display_name(request.role().display_name());
    if (mask.contains("permissions")) {
      *role.mutable_permissions() = request.role().permissions();
      RETURN_IF_ERROR(CheckHolds(sql, caller, "", PermissionsOf(role)));
    }
    role.set_etag(RandomId());
    RETURN_IF_ERROR(KeepingAnAdministrator(sql, [&] {
      kRoles.Save(sql, id, role);
      return absl::OkStatus();
    }));
    if (request.validate_only()) kRoles.Save(sql, id, before);
    return role;
  });
}

absl::Status Identity::DeleteRole(const Principal& caller, const v1::DeleteRoleRequest& request) {
  ASSIGN_OR_RETURN(const std::string id, ReadId("name", request.name(), "roles"));
  if (FindBuiltinRole(id) != nullptr) return BuiltIn(id);
  const ReplayKey key{caller.user(), "DeleteRole", request.request_id()};
  return Change<v1::Role>(key, request,
                          [&](soci::session& sql) -> absl::StatusOr<v1::Role> {
                            v1::Role role;
                            RETURN_IF_ERROR(kRoles.Read(sql, id, role));
                            RETURN_IF_ERROR(CheckEtag(request.etag(), role.etag()));
                            if (IsRoleBound(sql, id)) {
                              return Error(v1::WRONG_STATE,
                                           absl::StrCat(role.name(), " is still bound"),
                                           {{"resource", role.name()}});
                            }
                            kRoles.Delete(sql, id);
                            return role;
                          })
      .status();
}

}  // namespace stackyard::gateway
