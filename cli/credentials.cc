#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "cli/commands.h"
#include "cli/names.h"
#include "cli/text.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "google/protobuf/empty.pb.h"
#include "stackyard/v1/credentials.pb.h"

namespace stackyard::cli {
namespace {

using v1::Credential;

constexpr char kCredential[] = "projects/*/credentials/*";

struct CredentialFlags {
  std::string id, display_name, role_arn, region;
  std::vector<std::string> variables, from_env, secret_files, unset, providers;
};

std::string Kind(const Credential& credential) {
  switch (credential.kind_case()) {
    case Credential::kStatic:
      return "static";
    case Credential::kWebIdentity:
      return "web identity";
    case Credential::kPodIdentity:
      return "pod identity";
    case Credential::KIND_NOT_SET:
      break;
  }
  return "";
}

// What it is about, in one line; of secrets the names.
std::string About(const Credential& credential) {
  if (credential.has_web_identity()) return credential.web_identity().role_arn();
  std::vector<std::string> parts;
  for (const auto& [name, value] : credential.static_().variables()) {
    parts.push_back(absl::StrCat(name, "=", value));
  }
  for (const std::string& name : credential.static_().secret_variable_names()) {
    parts.push_back(absl::StrCat(name, "=(secret)"));
  }
  std::sort(parts.begin(), parts.end());
  return absl::StrJoin(parts, ", ");
}

std::string Region(const Credential& credential) {
  return credential.has_web_identity() ? credential.web_identity().region()
                                       : credential.pod_identity().region();
}

std::string Providers(const Credential& credential) {
  return credential.providers().empty() ? "all" : absl::StrJoin(credential.providers(), ", ");
}

void ShowCredential(Context& context, const Credential& credential) {
  Fields fields;
  fields.Add("Name", credential.name());
  fields.Add("Display name", credential.display_name());
  fields.Add("Kind", Kind(credential));
  fields.Add(credential.has_web_identity() ? "Role" : "Variables", About(credential));
  fields.Add("Region", Region(credential));
  fields.Add("Providers", Providers(credential));
  fields.Add("Changed", TimeText(credential.update_time()));
  context.output().Show(fields);
}

// `NAME=text`.
absl::StatusOr<std::pair<std::string, std::string>> Pair(const std::string& field,
                                                         const std::string& text,
                                                         std::string_view kind) {
  const size_t at = text.find('=');
  if (at == std::string::npos || at == 0) {
    // The text may be a secret that was meant for another place.
    return InvalidField(field, absl::StrCat("must be NAME=", std::string(kind)));
  }
  return std::pair(text.substr(0, at), text.substr(at + 1));
}

// Puts what the flags say into keys; secrets come from the environment and from files, so that no
// list of processes and no history of a shell shows them.
absl::Status Fill(const Context& context, const CredentialFlags& flags,
                  v1::StaticCredential& keys) {
  for (const std::string& variable : flags.variables) {
    ASSIGN_OR_RETURN(auto pair, Pair("var", variable, "VALUE"));
    (*keys.mutable_variables())[pair.first] = std::move(pair.second);
  }
  for (const std::string& name : flags.from_env) {
    const auto value = context.environment().variable(name);
    if (!value || value->empty()) {
      return InvalidField("from-env", absl::StrCat(name, " is not set in the environment"));
    }
    (*keys.mutable_secret_variables())[name] = *value;
  }
  for (const std::string& secret : flags.secret_files) {
    ASSIGN_OR_RETURN(const auto pair, Pair("secret-file", secret, "PATH"));
    ASSIGN_OR_RETURN(const std::string text, ReadFile("secret-file", pair.second));
    (*keys.mutable_secret_variables())[pair.first] =
        std::string(absl::StripSuffix(absl::StripSuffix(text, "\n"), "\r"));
  }
  return absl::OkStatus();
}

absl::Status List(Context& context, const std::string& filter) {
  v1::ListCredentialsRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), ProjectName(context.project()));
  request.set_filter(filter);
  v1::ListCredentialsResponse response;
  RETURN_IF_ERROR(context.client().List("CredentialService/ListCredentials", request, &response));
  return context.output().Write(response, [&] {
    Table table({"CREDENTIAL", "KIND", "ABOUT", "REGION", "PROVIDERS", "CHANGED"});
    for (const Credential& credential : response.credentials()) {
      table.Add({LastPart(credential.name()), Kind(credential), Cut(About(credential), 60),
                 Region(credential), Cut(Providers(credential), 40),
                 Age(credential.update_time(), context.Now())});
    }
    context.output().Show(table);
  });
}

absl::Status Get(Context& context, const std::string& name) {
  v1::GetCredentialRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), FullName(kCredential, context.project(), name));
  return context.Show<Credential>(
      "CredentialService/GetCredential", request,
      [&](const Credential& credential) { ShowCredential(context, credential); });
}

absl::Status Create(Context& context, const CredentialFlags& flags, Credential credential) {
  v1::CreateCredentialRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), ProjectName(context.project()));
  request.set_credential_id(flags.id);
  credential.set_display_name(flags.display_name);
  credential.mutable_providers()->Assign(flags.providers.begin(), flags.providers.end());
  if (credential.has_static_()) {
    RETURN_IF_ERROR(Fill(context, flags, *credential.mutable_static_()));
  } else if (credential.has_web_identity()) {
    credential.mutable_web_identity()->set_role_arn(flags.role_arn);
    credential.mutable_web_identity()->set_region(flags.region);
  } else {
    credential.mutable_pod_identity()->set_region(flags.region);
  }
  *request.mutable_credential() = std::move(credential);
  return context.Show<Credential>("CredentialService/CreateCredential", request,
                                  [&](const Credential& made) { ShowCredential(context, made); });
}

// Changes single variables of what is there. Secrets that are named without a value stay.
absl::Status EditKeys(const Context& context, const CredentialFlags& flags,
                      Credential& credential) {
  v1::StaticCredential& keys = *credential.mutable_static_();
  for (const std::string& name : keys.secret_variable_names()) {
    (*keys.mutable_secret_variables())[name];
  }
  keys.clear_secret_variable_names();
  for (const std::string& name : flags.unset) {
    if (keys.mutable_variables()->erase(name) + keys.mutable_secret_variables()->erase(name) == 0) {
      return InvalidField("unset", absl::StrCat(name, " is not set"));
    }
  }
  return Fill(context, flags, keys);
}

absl::Status Update(Context& context, const CredentialFlags& flags) {
  v1::UpdateCredentialRequest request;
  auto& mask = *request.mutable_update_mask();
  v1::GetCredentialRequest get;
  ASSIGN_OR_RETURN(*get.mutable_name(), FullName(kCredential, context.project(), flags.id));
  // With its etag: what is changed is what was read.
  Credential& credential = *request.mutable_credential();
  RETURN_IF_ERROR(context.client().Call("CredentialService/GetCredential", get, &credential));
  if (!flags.display_name.empty()) {
    credential.set_display_name(flags.display_name);
    mask.add_paths("display_name");
  }
  if (!flags.providers.empty()) {
    credential.mutable_providers()->Assign(flags.providers.begin(), flags.providers.end());
    mask.add_paths("providers");
  }
  if (!flags.role_arn.empty()) {
    credential.mutable_web_identity()->set_role_arn(flags.role_arn);
    mask.add_paths("web_identity.role_arn");
  }
  if (!flags.region.empty()) {
    const bool pod = credential.has_pod_identity();
    if (pod) credential.mutable_pod_identity()->set_region(flags.region);
    if (!pod) credential.mutable_web_identity()->set_region(flags.region);
    mask.add_paths(pod ? "pod_identity.region" : "web_identity.region");
  }
  if (!(flags.variables.empty() && flags.from_env.empty() && flags.secret_files.empty() &&
        flags.unset.empty())) {
    RETURN_IF_ERROR(EditKeys(context, flags, credential));
    mask.add_paths("static.variables");
    mask.add_paths("static.secret_variables");
  }
  if (mask.paths().empty()) return InvalidField("update", "name what is to change");
  return context.Show<Credential>(
      "CredentialService/UpdateCredential", request,
      [&](const Credential& changed) { ShowCredential(context, changed); });
}

absl::Status Delete(Context& context, const std::string& name) {
  v1::DeleteCredentialRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), FullName(kCredential, context.project(), name));
  google::protobuf::Empty response;
  RETURN_IF_ERROR(context.client().Call("CredentialService/DeleteCredential", request, &response));
  context.Note(request.name() + " is deleted; runs that begin now go without it");
  return absl::OkStatus();
}

// Flags of every command that writes.
void AddCommonFlags(Command& command, CredentialFlags& flags) {
  command
      .Option("--provider", &flags.providers, "SOURCE",
              "Provider that gets it, like hashicorp/aws; may be repeated; none: all")
      .Option("--name", &flags.display_name, "TEXT", "Name for people");
}

void AddKeyFlags(Command& command, CredentialFlags& flags) {
  command
      .Option("--var", &flags.variables, "NAME=VALUE",
              "Variable that is no secret; may be repeated")
      .Option("--from-env", &flags.from_env, "NAME",
              "Secret variable, with the value that it has here; may be repeated")
      .Option("--secret-file", &flags.secret_files, "NAME=PATH",
              "Secret variable, with the content of a file; may be repeated");
}

}  // namespace

void AddCredentialCommands(Command root, Context& context) {
  Command credentials = root.Sub("credentials", "What runs of a project show to clouds");
  const auto flags = std::make_shared<CredentialFlags>();
  const auto text = std::make_shared<std::string>();

  credentials.Sub("list", "List credentials")
      .Option("--filter", text.get(), "EXPRESSION", "AIP-160 filter")
      .Run([&context, text] { return List(context, *text); });
  credentials.Sub("get", "Show a credential, without its secrets")
      .Argument("CREDENTIAL", text.get(), "Credential")
      .Run([&context, text] { return Get(context, *text); });

  Command create = credentials.Sub("create", "Make a credential");
  Command keys = create.Sub("static", "Keys, as environment variables");
  keys.Argument("CREDENTIAL", &flags->id, "Last part of its name");
  AddKeyFlags(keys, *flags);
  AddCommonFlags(keys, *flags);
  keys.Run([&context, flags] {
    Credential credential;
    credential.mutable_static_();
    return Create(context, *flags, credential);
  });
  Command role = create.Sub("web-identity", "A role, taken by the runner's web identity (IRSA)");
  role.Argument("CREDENTIAL", &flags->id, "Last part of its name")
      .Option("--role-arn", &flags->role_arn, "ARN", "Role")
      .Required()
      .Option("--region", &flags->region, "REGION", "Region");
  AddCommonFlags(role, *flags);
  role.Run([&context, flags] {
    Credential credential;
    credential.mutable_web_identity();
    return Create(context, *flags, credential);
  });
  Command pod = create.Sub("pod-identity", "What EKS hands out to the runner's pod");
  pod.Argument("CREDENTIAL", &flags->id, "Last part of its name")
      .Option("--region", &flags->region, "REGION", "Region");
  AddCommonFlags(pod, *flags);
  pod.Run([&context, flags] {
    Credential credential;
    credential.mutable_pod_identity();
    return Create(context, *flags, credential);
  });

  Command update = credentials.Sub("update", "Change a credential; what is not named stays");
  update.Argument("CREDENTIAL", &flags->id, "Credential");
  AddKeyFlags(update, *flags);
  update.Option("--unset", &flags->unset, "NAME", "Variable to take away; may be repeated")
      .Option("--role-arn", &flags->role_arn, "ARN", "Role")
      .Option("--region", &flags->region, "REGION", "Region");
  AddCommonFlags(update, *flags);
  update.Run([&context, flags] { return Update(context, *flags); });
  credentials.Sub("delete", "Delete a credential")
      .Argument("CREDENTIAL", text.get(), "Credential")
      .Run([&context, text] { return Delete(context, *text); });
}

}  // namespace stackyard::cli
