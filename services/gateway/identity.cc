#include "services/gateway/identity.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "common/log.h"
#include "common/resource_name.h"
#include "services/gateway/builtin_roles.h"
#include "services/gateway/identity_internal.h"
#include "services/gateway/token_store.h"

namespace stackyard::gateway {

absl::Status ExplainSql(absl::Status status) {
  if (status.ok() || ReasonOf(status) != v1::ERROR_REASON_UNSPECIFIED) return status;
  LogError("identity database", {{"error", status.ToString()}});
  if (absl::IsUnavailable(status) || absl::IsAborted(status)) {
    return Error(v1::DEPENDENCY_UNAVAILABLE, "the identity database does not answer; try again");
  }
  return absl::InternalError(status.message());
}

absl::StatusOr<std::string> ReadId(std::string_view field, std::string_view name,
                                   std::string_view collection) {
  ASSIGN_OR_RETURN(std::vector<std::string> ids,
                   ParseName(field, name, absl::StrCat(std::string(collection), "/*")));
  return std::move(ids[0]);
}

absl::Status CheckEtag(const std::string& sent, const std::string& current) {
  if (sent.empty() || sent == current) return absl::OkStatus();
  return Error(v1::ETAG_MISMATCH, "somebody else has changed it; read it again",
               {{"etag", current}});
}

std::set<std::string> ReadMask(const google::protobuf::FieldMask& mask,
                               const std::vector<std::string>& known,
                               const std::vector<std::string>& set, Violations& violations) {
  if (mask.paths().empty()) return {set.begin(), set.end()};
  std::set<std::string> fields;
  for (const std::string& path : mask.paths()) {
    if (path == "*") {
      fields.insert(known.begin(), known.end());
    } else if (std::find(known.begin(), known.end(), path) != known.end()) {
      fields.insert(path);
    } else {
      violations.Add("update_mask", absl::StrCat("`", path, "` cannot be changed"));
    }
  }
  return fields;
}

void CheckText(std::string_view field, const std::string& text, size_t most,
               Violations& violations) {
  if (text.size() > most) violations.Add(field, absl::StrCat("must be at most ", most, " bytes"));
}

Identity::Identity(Database& database, std::vector<std::string> permissions, const Clock& clock,
                   std::function<void()> on_change)
    : database_(database),
      permissions_(std::move(permissions)),
      clock_(clock),
      on_change_(std::move(on_change)) {}

absl::StatusOr<Caller> Identity::LoadPrincipal(soci::session& sql, const Principal& caller) const {
  ASSIGN_OR_RETURN(const std::string id, ReadId("user", caller.user(), "users"));
  v1::User user;
  RETURN_IF_ERROR(kUsers.Read(sql, id, user));
  Caller result;
  result.user = id;
  result.scopes.assign(caller.scopes().begin(), caller.scopes().end());
  result.scope_set = PermissionSet(result.scopes);
  ASSIGN_OR_RETURN(result.grants, LoadGrants(sql, user));
  return result;
}

absl::Status Identity::CheckHolds(soci::session& sql, const Principal& principal,
                                  const std::string& project,
                                  const std::vector<std::string>& patterns) const {
  ASSIGN_OR_RETURN(const Caller caller, LoadPrincipal(sql, principal));
  for (const std::string& pattern : patterns) {
    const bool in_scope = caller.scopes.empty() || caller.scope_set.Covers(pattern);
    const bool held =
        in_scope &&
        std::any_of(caller.grants.begin(), caller.grants.end(), [&](const Grant& grant) {
          return (grant.project.empty() || grant.project == project) &&
                 grant.permissions->Covers(pattern);
        });
    if (!held) {
      return Error(v1::PERMISSION_MISSING,
                   absl::StrCat("you cannot give away ", pattern, ", which you lack"),
                   {{"permission", pattern}});
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::WhoAmIResponse> Identity::WhoAmI(const Principal& caller) {
  return Read<v1::WhoAmIResponse>([&](soci::session& sql) -> absl::StatusOr<v1::WhoAmIResponse> {
    v1::WhoAmIResponse response;
    ASSIGN_OR_RETURN(const std::string id, ReadId("user", caller.user(), "users"));
    RETURN_IF_ERROR(kUsers.Read(sql, id, *response.mutable_user()));
    ASSIGN_OR_RETURN(const std::vector<Grant> grants, LoadGrants(sql, response.user()));
    std::set<std::string> roles, project_roles;
    for (const Grant& grant : grants) {
      const std::string role = absl::StrCat("roles/", grant.role);
      if (grant.project.empty()) {
        roles.insert(role);
      } else {
        project_roles.insert(absl::StrCat("projects/", grant.project, ": ", role));
      }
    }
    response.mutable_roles()->Assign(roles.begin(), roles.end());
    response.mutable_project_roles()->Assign(project_roles.begin(), project_roles.end());
    return response;
  });
}

absl::StatusOr<v1::TestPermissionsResponse> Identity::TestPermissions(
    const Principal& caller, const v1::TestPermissionsRequest& request) {
  Violations violations;
  if (request.permissions().empty()) violations.Add("permissions", "must not be empty");
  if (request.permissions_size() > 100) violations.Add("permissions", "must be at most 100");
  std::string project;
  if (absl::string_view resource = request.resource(); absl::StartsWith(resource, "projects/")) {
    resource.remove_prefix(9);
    project = std::string(resource.substr(0, resource.find('/')));
    if (!IsResourceId(project)) violations.Add("resource", "must name one project");
  }
  RETURN_IF_ERROR(violations.ToStatus());
  using Response = v1::TestPermissionsResponse;
  return Read<Response>([&](soci::session& sql) -> absl::StatusOr<Response> {
    ASSIGN_OR_RETURN(const Caller loaded, LoadPrincipal(sql, caller));
    Response response;
    for (const std::string& permission : request.permissions()) {
      if (loaded.Holds(permission, project)) response.add_permissions(permission);
    }
    return response;
  });
}

}  // namespace stackyard::gateway
