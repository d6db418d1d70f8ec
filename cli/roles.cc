#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/names.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "google/protobuf/empty.pb.h"
#include "stackyard/v1/identity.pb.h"

namespace stackyard::cli {
namespace {

struct RoleFlags {
  std::string id, title;
  std::vector<std::string> permissions, add, remove;
};

void ShowRole(Context& context, const v1::Role& role) {
  Fields fields;
  fields.Add("Name", role.name());
  fields.Add("Title", role.display_name());
  fields.Add("Built in", role.built_in() ? "yes" : "");
  context.output().Show(fields);
  for (const std::string& permission : role.permissions()) {
    context.output().out() << "  " << permission << "\n";
  }
}

absl::Status List(Context& context, const std::string& filter) {
  v1::ListRolesRequest request;
  request.set_filter(filter);
  v1::ListRolesResponse response;
  RETURN_IF_ERROR(context.client().List("IdentityService/ListRoles", request, &response));
  return context.output().Write(response, [&] {
    Table table({"NAME", "TITLE", "PERMISSIONS", "NOTE"});
    for (const v1::Role& role : response.roles()) {
      table.Add({LastPart(role.name()), role.display_name(), absl::StrCat(role.permissions_size()),
                 role.built_in() ? "built in" : ""});
    }
    context.output().Show(table);
  });
}

absl::Status Get(Context& context, const std::string& name) {
  v1::GetRoleRequest request;
  request.set_name(InCollection("roles", name));
  return context.Show<v1::Role>("IdentityService/GetRole", request,
                                [&](const v1::Role& role) { ShowRole(context, role); });
}

absl::Status Create(Context& context, const RoleFlags& flags) {
  v1::CreateRoleRequest request;
  request.set_role_id(flags.id);
  request.mutable_role()->set_display_name(flags.title);
  request.mutable_role()->mutable_permissions()->Assign(flags.permissions.begin(),
                                                        flags.permissions.end());
  return context.Show<v1::Role>("IdentityService/CreateRole", request, [&](const v1::Role& role) {
    context.output().out() << role.name() << " created\n";
  });
}

absl::Status Update(Context& context, const RoleFlags& flags) {
  v1::UpdateRoleRequest request;
  v1::GetRoleRequest get;
  get.set_name(InCollection("roles", flags.id));
  // With its etag: what is changed is what was read.
  v1::Role& role = *request.mutable_role();
  RETURN_IF_ERROR(context.client().Call("IdentityService/GetRole", get, &role));
  auto& mask = *request.mutable_update_mask();
  if (!flags.title.empty()) {
    role.set_display_name(flags.title);
    mask.add_paths("display_name");
  }
  if (!flags.add.empty() || !flags.remove.empty()) {
    std::vector<std::string> permissions(role.permissions().begin(), role.permissions().end());
    for (const std::string& one : flags.remove) {
      if (std::erase(permissions, one) == 0) {
        return InvalidField("remove", absl::StrCat(role.name(), " does not have ", one));
      }
    }
    for (const std::string& one : flags.add) {
      if (std::find(permissions.begin(), permissions.end(), one) == permissions.end()) {
        permissions.push_back(one);
      }
    }
    role.mutable_permissions()->Assign(permissions.begin(), permissions.end());
    mask.add_paths("permissions");
  }
  if (mask.paths().empty()) return InvalidField("update", "give something to change");
  return context.Show<v1::Role>("IdentityService/UpdateRole", request,
                                [&](const v1::Role& changed) { ShowRole(context, changed); });
}

absl::Status Delete(Context& context, const std::string& name) {
  v1::DeleteRoleRequest request;
  request.set_name(InCollection("roles", name));
  google::protobuf::Empty response;
  RETURN_IF_ERROR(context.client().Call("IdentityService/DeleteRole", request, &response));
  context.Note(request.name() + " is deleted");
  return absl::OkStatus();
}

// Which of them the caller has; the exit code says whether it is all.
absl::Status Test(Context& context, const std::vector<std::string>& permissions) {
  v1::TestPermissionsRequest request;
  if (!context.project().empty()) {
    request.set_resource(InCollection("projects", context.project()));
  }
  request.mutable_permissions()->Assign(permissions.begin(), permissions.end());
  v1::TestPermissionsResponse response;
  RETURN_IF_ERROR(context.client().Call("IdentityService/TestPermissions", request, &response));
  std::vector<std::string> missing;
  RETURN_IF_ERROR(context.output().Write(response, [&] {
    for (const std::string& one : response.permissions()) {
      context.output().out() << one << "\n";
    }
  }));
  for (const std::string& one : permissions) {
    const auto& has = response.permissions();
    if (std::find(has.begin(), has.end(), one) == has.end()) missing.push_back(one);
  }
  if (missing.empty()) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat("you lack ", absl::StrJoin(missing, ", ")));
}

}  // namespace

void AddRoleCommands(Command root, Context& context) {
  Command roles = root.Sub("roles", "Sets of permissions that bindings give");
  const auto flags = std::make_shared<RoleFlags>();
  const auto text = std::make_shared<std::string>();
  roles.Sub("list", "List roles")
      .Option("--filter", text.get(), "EXPRESSION", "AIP-160 filter")
      .Run([&context, text] { return List(context, *text); });
  roles.Sub("get", "Show a role and its permissions")
      .Argument("ROLE", text.get(), "Role")
      .Run([&context, text] { return Get(context, *text); });
  roles.Sub("create", "Create a role of your own")
      .Argument("NAME", &flags->id, "Its id")
      .Option("--permission", &flags->permissions, "PERMISSION",
              "Like stacks.get; stacks.* for all of stacks; may be repeated")
      .Required()
      .Option("--title", &flags->title, "TEXT", "Name for people")
      .Run([&context, flags] { return Create(context, *flags); });
  roles.Sub("update", "Change a role of your own")
      .Argument("ROLE", &flags->id, "Role")
      .Option("--add", &flags->add, "PERMISSION", "Permission to add; may be repeated")
      .Option("--remove", &flags->remove, "PERMISSION", "Permission to take away; may be repeated")
      .Option("--title", &flags->title, "TEXT", "Name for people")
      .Run([&context, flags] { return Update(context, *flags); });
  roles.Sub("delete", "Delete a role that nobody has")
      .Argument("ROLE", text.get(), "Role")
      .Run([&context, text] { return Delete(context, *text); });

  const auto permissions = std::make_shared<std::vector<std::string>>();
  root.Sub("permissions", "What you may do")
      .Sub("test", "Tell which of some permissions you have, in the project or everywhere")
      .Arguments("PERMISSION", permissions.get(), "Like stacks.create")
      .Run([&context, permissions] { return Test(context, *permissions); });
}

}  // namespace stackyard::cli
