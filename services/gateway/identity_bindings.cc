#include "absl/strings/match.h"
#include "common/id.h"
#include "common/proto_time.h"
#include "common/resource_name.h"
#include "services/gateway/admin_check.h"
#include "services/gateway/binding_store.h"
#include "services/gateway/builtin_roles.h"
#include "services/gateway/identity_internal.h"

namespace stackyard::gateway {
namespace {

// What a binding's name says.
struct BindingName {
  std::string project;
  std::string id;
};

std::string ParentPrefix(const std::string& project) {
  return project.empty() ? "" : absl::StrCat("projects/", project, "/");
}

v1::Binding ToProto(const BindingRow& row) {
  v1::Binding binding;
  binding.set_name(absl::StrCat(ParentPrefix(row.project), "bindings/", row.id));
  binding.set_role(absl::StrCat("roles/", row.role));
  binding.set_member(row.member);
  *binding.mutable_create_time() = stackyard::ToProto(FromMicros(row.create_time_micros));
  return binding;
}

// Empty for the global parent.
absl::StatusOr<std::string> ReadParent(const std::string& parent) {
  if (parent.empty()) return std::string();
  ASSIGN_OR_RETURN(std::string project, ReadId("parent", parent, "projects"));
  if (!IsResourceId(project)) return InvalidField("parent", "must name one project");
  return project;
}

absl::StatusOr<BindingName> ReadName(const std::string& name) {
  BindingName result;
  if (!absl::StartsWith(name, "projects/")) {
    ASSIGN_OR_RETURN(result.id, ReadId("name", name, "bindings"));
    return result;
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> ids,
                   ParseName("name", name, "projects/*/bindings/*"));
  result.project = ids[0];
  result.id = ids[1];
  return result;
}

// Members are checked here, groups need not be known: the identity provider names them.
void CheckMember(soci::session& sql, const std::string& member, Violations& violations) {
  const auto user = ReadId("binding.member", member, "users");
  if (user.ok()) {
    if (!kUsers.Has(sql, *user)) {
      violations.Add("binding.member", absl::StrCat(member, " does not exist"));
    }
    return;
  }
  constexpr std::string_view kGroups = "groups/";
  if (!member.starts_with(kGroups)) {
    violations.Add("binding.member", "must look like users/{user} or groups/{group}");
  } else if (!IsGroupName(std::string_view(member).substr(kGroups.size()))) {
    violations.Add("binding.member", absl::StrCat("a group ", kGroupNameRule));
  }
}

}  // namespace

absl::StatusOr<v1::Binding> Identity::CreateBinding(const Principal& caller,
                                                    const v1::CreateBindingRequest& request) {
  ASSIGN_OR_RETURN(const std::string project, ReadParent(request.parent()));
  const ReplayKey key{caller.user(), "CreateBinding", request.request_id()};
  return Change<v1::Binding>(key, request, [&](soci::session& sql) -> absl::StatusOr<v1::Binding> {
    Violations violations;
    CheckMember(sql, request.binding().member(), violations);
    const auto role_id = ReadId("binding.role", request.binding().role(), "roles");
    absl::StatusOr<v1::Role> role = role_id.ok() ? ReadRole(sql, *role_id) : role_id.status();
    if (!role_id.ok()) {
      violations.Add("binding.role", "must look like roles/{role}");
    } else if (absl::IsNotFound(role.status())) {
      violations.Add("binding.role", absl::StrCat(request.binding().role(), " does not exist"));
    }
    RETURN_IF_ERROR(violations.ToStatus());
    if (!role.ok()) return role.status();
    RETURN_IF_ERROR(
        CheckHolds(sql, caller, project, {role->permissions().begin(), role->permissions().end()}));

    BindingRow row{absl::StrCat("b-", RandomId()), project, *role_id, request.binding().member(),
                   ToMicros(clock_.TimeNow())};
    if (const auto same = FindSameBinding(sql, row); same.has_value()) {
      return Exists(ToProto(*same).name());
    }
    InsertBinding(sql, row);
    return ToProto(row);
  });
}

absl::StatusOr<v1::Binding> Identity::GetBinding(const v1::GetBindingRequest& request) {
  ASSIGN_OR_RETURN(const BindingName name, ReadName(request.name()));
  return Read<v1::Binding>([&](soci::session& sql) -> absl::StatusOr<v1::Binding> {
    const auto row = FindBinding(sql, name.project, name.id);
    if (!row.has_value()) return NotFound(request.name());
    return ToProto(*row);
  });
}

absl::StatusOr<v1::ListBindingsResponse> Identity::ListBindings(
    const v1::ListBindingsRequest& request) {
  ASSIGN_OR_RETURN(const std::string project, ReadParent(request.parent()));
  using Response = v1::ListBindingsResponse;
  return Read<Response>([&](soci::session& sql) -> absl::StatusOr<Response> {
    Listing<BindingRow> listing;
    listing.scope = absl::StrCat("bindings|", project);
    listing.filter_fields = {"role", "member"};
    listing.fetch = [&](const Range& range) -> absl::StatusOr<std::vector<BindingRow>> {
      return gateway::ListBindings(sql, project, range);
    };
    listing.key = [](const BindingRow& row) { return row.id; };
    listing.fields = [](const BindingRow& row) {
      return ListFilter::Fields{{"role", absl::StrCat("roles/", row.role)}, {"member", row.member}};
    };
    Response response;
    ASSIGN_OR_RETURN(const std::vector<BindingRow> rows,
                     listing.Read(request.page_size(), request.page_token(), request.filter(), "",
                                  response.mutable_next_page_token()));
    for (const BindingRow& row : rows) *response.add_bindings() = ToProto(row);
    return response;
  });
}

absl::Status Identity::DeleteBinding(const Principal& caller,
                                     const v1::DeleteBindingRequest& request) {
  ASSIGN_OR_RETURN(const BindingName name, ReadName(request.name()));
  const ReplayKey key{caller.user(), "DeleteBinding", request.request_id()};
  return Change<v1::Binding>(key, request,
                             [&](soci::session& sql) -> absl::StatusOr<v1::Binding> {
                               const auto row = FindBinding(sql, name.project, name.id);
                               if (!row.has_value()) return NotFound(request.name());
                               // A binding never changes, so that it has no etag.
                               RETURN_IF_ERROR(CheckEtag(request.etag(), ""));
                               RETURN_IF_ERROR(KeepingAnAdministrator(sql, [&] {
                                 gateway::DeleteBinding(sql, row->id);
                                 return absl::OkStatus();
                               }));
                               return ToProto(*row);
                             })
      .status();
}

}  // namespace stackyard::gateway
