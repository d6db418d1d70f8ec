#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/commands.h"
#include "cli/names.h"
#include "cli/text.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "google/protobuf/empty.pb.h"
#include "stackyard/v1/identity.pb.h"

namespace stackyard::cli {
namespace {

Fields UserFields(const v1::User& user) {
  Fields fields;
  fields.Add("Name", user.name());
  fields.Add("Title", user.display_name());
  fields.Add("Email", user.email());
  fields.Add("Groups", absl::StrJoin(user.groups(), ", "));
  fields.Add("Suspended", user.suspended() ? "yes" : "");
  return fields;
}

// Where a setting comes from, for people.
std::string From(const Setting& setting) {
  return setting.value.empty() ? "" : absl::StrCat(setting.value, " (", setting.source, ")");
}

absl::Status WhoAmI(Context& context) {
  return context.Show<v1::WhoAmIResponse>(
      "IdentityService/WhoAmI", v1::WhoAmIRequest(), [&](const v1::WhoAmIResponse& answer) {
        Fields fields = UserFields(answer.user());
        fields.Add("Roles", answer.roles().empty() ? "none everywhere"
                                                   : absl::StrJoin(answer.roles(), ", "));
        for (const std::string& role : answer.project_roles()) fields.Add("In project", role);
        fields.Add("Context", From(context.settings().context));
        fields.Add("Endpoint", From(context.settings().endpoint));
        fields.Add("Project", From(context.settings().project));
        fields.Add("Token", context.settings().token.source);
        context.output().Show(fields);
      });
}

struct UserFlags {
  std::string id, title, email;
  std::vector<std::string> groups;
  bool suspend = false;
  bool resume = false;
};

absl::Status CreateUser(Context& context, const UserFlags& flags) {
  v1::CreateUserRequest request;
  request.set_user_id(flags.id);
  request.mutable_user()->set_display_name(flags.title);
  request.mutable_user()->set_email(flags.email);
  for (const std::string& group : flags.groups) request.mutable_user()->add_groups(group);
  return context.Show<v1::User>("IdentityService/CreateUser", request, [&](const v1::User& user) {
    context.output().out() << user.name() << " created\n";
  });
}

absl::Status GetUser(Context& context, const std::string& name) {
  v1::GetUserRequest request;
  request.set_name(InCollection("users", name));
  return context.Show<v1::User>("IdentityService/GetUser", request, [&](const v1::User& user) {
    context.output().Show(UserFields(user));
  });
}

absl::Status ListUsers(Context& context) {
  v1::ListUsersRequest request;
  v1::ListUsersResponse response;
  RETURN_IF_ERROR(context.client().List("IdentityService/ListUsers", request, &response));
  return context.output().Write(response, [&] {
    Table table({"NAME", "TITLE", "EMAIL", "GROUPS", "AGE", "NOTE"});
    for (const v1::User& user : response.users()) {
      table.Add({LastPart(user.name()), user.display_name(), user.email(),
                 absl::StrJoin(user.groups(), ","), Age(user.create_time(), context.Now()),
                 user.suspended() ? "suspended" : ""});
    }
    context.output().Show(table);
  });
}

absl::Status UpdateUser(Context& context, const UserFlags& flags) {
  v1::UpdateUserRequest request;
  v1::User& user = *request.mutable_user();
  user.set_name(InCollection("users", flags.id));
  auto& mask = *request.mutable_update_mask();
  if (!flags.title.empty()) {
    user.set_display_name(flags.title);
    mask.add_paths("display_name");
  }
  if (!flags.email.empty()) {
    user.set_email(flags.email);
    mask.add_paths("email");
  }
  if (!flags.groups.empty()) {
    user.mutable_groups()->Assign(flags.groups.begin(), flags.groups.end());
    mask.add_paths("groups");
  }
  if (flags.suspend && flags.resume) {
    return InvalidField("suspend", "give --suspend or --resume, not both");
  }
  if (flags.suspend || flags.resume) {
    user.set_suspended(flags.suspend);
    mask.add_paths("suspended");
  }
  if (mask.paths().empty()) return InvalidField("update", "give something to change");
  return context.Show<v1::User>(
      "IdentityService/UpdateUser", request,
      [&](const v1::User& changed) { context.output().Show(UserFields(changed)); });
}

absl::Status DeleteUser(Context& context, const std::string& name) {
  v1::DeleteUserRequest request;
  request.set_name(InCollection("users", name));
  google::protobuf::Empty response;
  RETURN_IF_ERROR(context.client().Call("IdentityService/DeleteUser", request, &response));
  context.Note(request.name() + " is deleted, with tokens and bindings");
  return absl::OkStatus();
}

struct TokenFlags {
  std::string user, ttl, title, file;
  std::vector<std::string> scopes;
};

absl::Status CreateToken(Context& context, const TokenFlags& flags) {
  v1::CreateTokenRequest request;
  request.set_parent(InCollection("users", flags.user));
  request.mutable_token()->set_display_name(flags.title);
  for (const std::string& scope : flags.scopes) request.mutable_token()->add_scopes(scope);
  if (!flags.ttl.empty()) {
    ASSIGN_OR_RETURN(const absl::Duration ttl, ReadDuration("ttl", flags.ttl));
    *request.mutable_ttl() = ToProto(ttl);
  }
  v1::CreateTokenResponse response;
  RETURN_IF_ERROR(context.client().Call("IdentityService/CreateToken", request, &response));
  if (!flags.file.empty()) {
    RETURN_IF_ERROR(WriteFile("file", flags.file, response.secret() + "\n", 0600));
    context.Note(absl::StrCat(response.token().name(), " written to ", flags.file));
    return absl::OkStatus();
  }
  return context.output().Write(response, [&] {
    context.output().out() << response.secret() << "\n";
    context.Note(response.token().name() + " is shown this once; keep it safe");
  });
}

absl::Status GetToken(Context& context, const std::string& name) {
  v1::GetTokenRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), FullName("users/*/tokens/*", "", name));
  return context.Show<v1::Token>("IdentityService/GetToken", request, [&](const v1::Token& token) {
    Fields fields;
    fields.Add("Name", token.name());
    fields.Add("For", token.display_name());
    fields.Add("Scopes", absl::StrJoin(token.scopes(), ", "));
    fields.Add("Revoked", token.revoked() ? "yes" : "");
    fields.Add("Created", TimeText(token.create_time()));
    fields.Add("Expires", token.has_expire_time() ? TimeText(token.expire_time()) : "never");
    fields.Add("Last used", token.has_last_use_time() ? TimeText(token.last_use_time()) : "never");
    context.output().Show(fields);
  });
}

absl::Status ListTokens(Context& context, const std::string& user) {
  v1::ListTokensRequest request;
  request.set_parent(InCollection("users", user));
  v1::ListTokensResponse response;
  RETURN_IF_ERROR(context.client().List("IdentityService/ListTokens", request, &response));
  return context.output().Write(response, [&] {
    Table table({"TOKEN", "FOR", "SCOPES", "EXPIRES", "LAST USED", "AGE", "NOTE"});
    for (const v1::Token& token : response.tokens()) {
      table.Add({LastPart(token.name()), token.display_name(), absl::StrJoin(token.scopes(), ","),
                 Until(token.expire_time(), context.Now()),
                 Age(token.last_use_time(), context.Now()), Age(token.create_time(), context.Now()),
                 token.revoked() ? "revoked" : ""});
    }
    context.output().Show(table);
  });
}

absl::Status RevokeToken(Context& context, const std::string& name) {
  v1::RevokeTokenRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), FullName("users/*/tokens/*", "", name));
  return context.Show<v1::Token>(
      "IdentityService/RevokeToken", request,
      [&](const v1::Token& token) { context.output().out() << token.name() << " is revoked\n"; });
}

// The parent of a binding: a project, or nothing for everywhere.
absl::StatusOr<std::string> BindingParent(Context& context, bool global) {
  if (global) return std::string();
  if (context.project().empty()) {
    return InvalidField("project", "give --project for one project or --global for all");
  }
  return ProjectName(context.project());
}

absl::Status CreateBinding(Context& context, const std::string& role, const std::string& member,
                           bool global) {
  v1::CreateBindingRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), BindingParent(context, global));
  request.mutable_binding()->set_role(InCollection("roles", role));
  request.mutable_binding()->set_member(
      absl::StartsWith(member, "groups/") ? member : InCollection("users", member));
  return context.Show<v1::Binding>(
      "IdentityService/CreateBinding", request, [&](const v1::Binding& binding) {
        context.output().out() << binding.name() << ": " << binding.member() << " has "
                               << binding.role() << "\n";
      });
}

absl::Status ListBindings(Context& context, bool global) {
  v1::ListBindingsRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), BindingParent(context, global));
  v1::ListBindingsResponse response;
  RETURN_IF_ERROR(context.client().List("IdentityService/ListBindings", request, &response));
  return context.output().Write(response, [&] {
    Table table({"BINDING", "ROLE", "MEMBER", "AGE"});
    for (const v1::Binding& binding : response.bindings()) {
      table.Add({LastPart(binding.name()), LastPart(binding.role()), binding.member(),
                 Age(binding.create_time(), context.Now())});
    }
    context.output().Show(table);
  });
}

absl::StatusOr<std::string> BindingName(Context& context, const std::string& name, bool global) {
  if (absl::StrContains(name, '/')) return name;
  ASSIGN_OR_RETURN(const std::string parent, BindingParent(context, global));
  return absl::StrCat(parent, parent.empty() ? "" : "/", "bindings/", name);
}

absl::Status GetBinding(Context& context, const std::string& name, bool global) {
  v1::GetBindingRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), BindingName(context, name, global));
  return context.Show<v1::Binding>("IdentityService/GetBinding", request,
                                   [&](const v1::Binding& binding) {
                                     Fields fields;
                                     fields.Add("Name", binding.name());
                                     fields.Add("Role", LastPart(binding.role()));
                                     fields.Add("Member", binding.member());
                                     fields.Add("Created", TimeText(binding.create_time()));
                                     context.output().Show(fields);
                                   });
}

absl::Status DeleteBinding(Context& context, const std::string& name, bool global) {
  v1::DeleteBindingRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), BindingName(context, name, global));
  google::protobuf::Empty response;
  RETURN_IF_ERROR(context.client().Call("IdentityService/DeleteBinding", request, &response));
  context.Note(request.name() + " is gone");
  return absl::OkStatus();
}

void AddUsers(Command& root, Context& context) {
  Command users = root.Sub("users", "People and programs");
  const auto name = std::make_shared<std::string>();
  const auto create = std::make_shared<UserFlags>();
  users.Sub("create", "Create a user")
      .Argument("USER", &create->id, "Id")
      .Option("--title", &create->title, "TEXT", "Name for people")
      .Option("--email", &create->email, "ADDRESS", "Address for notices")
      .Option("--group", &create->groups, "GROUP", "A group")
      .Run([&context, create] { return CreateUser(context, *create); });
  users.Sub("list", "List users").Run([&context] { return ListUsers(context); });
  users.Sub("get", "Show a user").Argument("USER", name.get(), "User").Run([&context, name] {
    return GetUser(context, *name);
  });
  users.Sub("update", "Change a user; a suspended one can do nothing")
      .Argument("USER", &create->id, "User")
      .Option("--title", &create->title, "TEXT", "Name for people")
      .Option("--email", &create->email, "ADDRESS", "Address for notices")
      .Option("--group", &create->groups, "GROUP",
              "A group, in place of those there are; may be repeated")
      .Flag("--suspend", &create->suspend, "Refuse all that they ask for, from now on")
      .Flag("--resume", &create->resume, "Let them in again")
      .Run([&context, create] { return UpdateUser(context, *create); });
  users.Sub("delete", "Delete a user with their tokens and bindings")
      .Argument("USER", name.get(), "User")
      .Run([&context, name] { return DeleteUser(context, *name); });
}

void AddTokens(Command& root, Context& context) {
  Command tokens = root.Sub("tokens", "Keys for programs");
  const auto name = std::make_shared<std::string>();
  const auto create = std::make_shared<TokenFlags>();
  tokens.Sub("create", "Make a token; its secret is shown once")
      .Argument("USER", &create->user, "Whose")
      .Option("--ttl", &create->ttl, "TIME", "How long it works, like 8h or 90d [for ever]")
      .Option("--title", &create->title, "TEXT", "What it is for")
      .Option("--scope", &create->scopes, "PERMISSION", "Narrow it to this permission")
      .Option("-f,--file", &create->file, "PATH", "Write the secret here, readable for you alone")
      .Run([&context, create] { return CreateToken(context, *create); });
  tokens.Sub("list", "List a user's tokens")
      .Argument("USER", name.get(), "User")
      .Run([&context, name] { return ListTokens(context, *name); });
  tokens.Sub("get", "Show a token, without its secret")
      .Argument("TOKEN", name.get(), "USER/TOKEN")
      .Run([&context, name] { return GetToken(context, *name); });
  tokens.Sub("revoke", "Make a token useless")
      .Argument("TOKEN", name.get(), "USER/TOKEN")
      .Run([&context, name] { return RevokeToken(context, *name); });
}

void AddBindings(Command& root, Context& context) {
  Command bindings = root.Sub("bindings", "Who has which role, and where");
  const auto role = std::make_shared<std::string>();
  const auto name = std::make_shared<std::string>();
  const auto global = std::make_shared<bool>(false);
  const std::string everywhere = "Everywhere, not in one project";
  bindings.Sub("create", "Give a role")
      .Argument("ROLE", role.get(), "viewer, dev, devops, admin or one of your own")
      .Argument("MEMBER", name.get(), "User, or groups/GROUP")
      .Flag("--global", global.get(), everywhere)
      .Run(
          [&context, role, name, global] { return CreateBinding(context, *role, *name, *global); });
  bindings.Sub("list", "List bindings")
      .Flag("--global", global.get(), everywhere)
      .Run([&context, global] { return ListBindings(context, *global); });
  bindings.Sub("get", "Show a binding")
      .Argument("BINDING", name.get(), "Binding")
      .Flag("--global", global.get(), everywhere)
      .Run([&context, name, global] { return GetBinding(context, *name, *global); });
  bindings.Sub("delete", "Take a role away")
      .Argument("BINDING", name.get(), "Binding")
      .Flag("--global", global.get(), everywhere)
      .Run([&context, name, global] { return DeleteBinding(context, *name, *global); });
}

}  // namespace

void AddIdentityCommands(Command root, Context& context) {
  AddUsers(root, context);
  AddTokens(root, context);
  AddBindings(root, context);
  root.Sub("whoami", "Show who you are and what roles you have").Run([&context] {
    return WhoAmI(context);
  });
}

}  // namespace stackyard::cli
