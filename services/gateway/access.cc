#include "services/gateway/access.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/resource_name.h"
#include "common/status.h"

namespace stackyard::gateway {
namespace {

constexpr std::string_view kProjects = "projects/";
// Bytes of a name that errors quote.
constexpr size_t kMostQuoted = 200;

absl::Status Missing(const Route& route, std::string_view name) {
  // The name is quoted in the error, whose fields are UTF-8 and which goes out as a header; the
  // client may have sent anything.
  const bool plain =
      name.size() <= kMostQuoted &&
      std::all_of(name.begin(), name.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  const std::string_view resource = plain ? name : "";
  const std::string where = resource.empty() ? "" : absl::StrCat(" on ", std::string(resource));
  const std::string what = route.permission.empty() ? route.method : route.permission;
  return Error(v1::PERMISSION_MISSING, absl::StrCat("you lack the permission ", what, where),
               {{"permission", what}, {"resource", resource}});
}

// Fills in where the caller holds the route's permission.
void TellWhere(const Route& route, const Caller& caller, Principal& principal) {
  if (route.permission.empty() || !caller.InScope(route.permission)) return;
  std::set<std::string> projects;
  for (const Grant& grant : caller.grants) {
    if (!grant.permissions->Has(route.permission)) continue;
    if (grant.project.empty()) {
      principal.set_everywhere(true);
    } else {
      projects.insert(grant.project);
    }
  }
  // Whoever sees all needs no list, which may be long.
  if (principal.everywhere()) return;
  for (const std::string& project : projects) principal.add_projects(project);
}

Principal PrincipalOn(const Caller& caller, std::string_view project) {
  Principal principal;
  principal.set_user(absl::StrCat("users/", caller.user));
  principal.mutable_scopes()->Assign(caller.scopes.begin(), caller.scopes.end());
  std::set<std::string> roles;
  for (const Grant& grant : caller.grants) {
    if (grant.project.empty() || grant.project == project) roles.insert(grant.role);
  }
  principal.mutable_roles()->Assign(roles.begin(), roles.end());
  return principal;
}

// For handlers that ask about no project, and yet care who the caller is on each.
void TellOfCaller(const Caller& caller, Principal& principal) {
  principal.set_email(caller.email);
  std::map<std::string, std::set<std::string>> roles;
  for (const Grant& grant : caller.grants) {
    if (!grant.project.empty()) roles[grant.project].insert(grant.role);
  }
  for (const auto& [project, held] : roles) {
    auto& entry = *principal.add_project_roles();
    entry.set_project(project);
    entry.mutable_roles()->Assign(held.begin(), held.end());
  }
}

absl::StatusOr<Principal> DecideGlobally(const Route& route, const Caller& caller,
                                         std::string_view resource) {
  if (!caller.Holds(route.permission, "")) return Missing(route, resource);
  Principal principal = PrincipalOn(caller, "");
  principal.set_everywhere(true);
  return principal;
}

absl::StatusOr<Principal> DecideOnProject(const Route& route, const Caller& caller,
                                          std::string_view project) {
  const bool everywhere = caller.Holds(route.permission, "");
  const std::string name = absl::StrCat(std::string(kProjects), std::string(project));
  if (!caller.Holds(route.permission, project)) {
    const bool belongs = std::any_of(
        caller.grants.begin(), caller.grants.end(),
        [&](const Grant& grant) { return grant.project.empty() || grant.project == project; });
    return belongs ? Missing(route, name) : NotFound(name);
  }
  Principal principal = PrincipalOn(caller, project);
  principal.set_everywhere(everywhere);
  principal.add_projects(std::string(project));
  return principal;
}

absl::StatusOr<Principal> DecideByName(const Route& route, const Caller& caller,
                                       std::string_view resource) {
  if (!resource.starts_with(kProjects)) {
    if (route.in_project) return InvalidField(route.resource.text, "must start with projects/");
    return DecideGlobally(route, caller, resource);
  }
  std::string_view project = resource.substr(kProjects.size());
  project = project.substr(0, project.find('/'));
  if (project == "-" && route.across_projects) {
    Principal principal = PrincipalOn(caller, "");
    TellWhere(route, caller, principal);
    return principal;
  }
  if (!IsResourceId(project)) {
    return InvalidField(route.resource.text,
                        absl::StrCat("the project's id ", std::string(kResourceIdRule)));
  }
  return DecideOnProject(route, caller, project);
}

}  // namespace

bool Caller::Holds(std::string_view permission, std::string_view project) const {
  if (!InScope(permission)) return false;
  return std::any_of(grants.begin(), grants.end(), [&](const Grant& grant) {
    return (grant.project.empty() || grant.project == project) &&
           grant.permissions->Has(permission);
  });
}

absl::StatusOr<Principal> Decide(const Route& route, const Caller* caller,
                                 std::string_view resource) {
  switch (route.audience) {
    case Audience::kPublic:
      return caller == nullptr ? Principal() : PrincipalOn(*caller, "");
    case Audience::kAuthenticated: {
      if (caller == nullptr) break;
      // A narrowed token is narrowed here too, or it could do all that its user does to their own.
      if (!route.permission.empty() && !caller->InScope(route.permission)) {
        return Missing(route, resource);
      }
      Principal principal = PrincipalOn(*caller, "");
      TellWhere(route, *caller, principal);
      TellOfCaller(*caller, principal);
      return principal;
    }
    case Audience::kPermission:
      if (caller == nullptr) break;
      if (route.resource.empty()) return DecideGlobally(route, *caller, "");
      return DecideByName(route, *caller, resource);
    case Audience::kNobody:
      if (caller == nullptr) break;
      return Missing(route, resource);
  }
  return Error(v1::TOKEN_INVALID, "send a valid token as `authorization: Bearer ...`");
}

}  // namespace stackyard::gateway
