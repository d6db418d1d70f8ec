#include "services/stacks/credentials.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/field_path.h"
#include "common/id.h"
#include "common/proto_time.h"
#include "common/resource_name.h"
#include "common/status.h"
#include "services/stacks/catalog_store.h"
#include "services/stacks/credential_rules.h"
#include "services/stacks/credential_secrets.h"
#include "services/stacks/credential_store.h"
#include "services/stacks/events.h"
#include "services/stacks/listing.h"
#include "services/stacks/stack_store.h"

namespace stackyard::stacks {
namespace {

using v1::Credential;

constexpr size_t kMostCredentials = 50;
constexpr char kPattern[] = "projects/*/credentials/*";

absl::StatusOr<std::string> ProjectOf(const std::string& field, const std::string& name) {
  ASSIGN_OR_RETURN(auto parts, ParseName(field, name, kPattern));
  return std::move(parts[0]);
}

absl::Status Record(Change& change, const std::string& type, const std::string& name,
                    const std::string& message) {
  ASSIGN_OR_RETURN(const std::string project, ProjectOf("name", name));
  v1::Event event;
  event.set_type(absl::StrCat("credential.", type));
  event.set_resource(name);
  event.set_message(message);
  return AppendEvent(change, project, event);
}

// The rules of one credential, and of all of its project together. `credential` holds its secrets.
absl::Status CheckAmong(const std::vector<CredentialRecord>& all, const Credential& credential) {
  Violations violations;
  CheckCredential(credential, violations);
  for (const CredentialRecord& other : all) {
    if (other.credential().name() == credential.name()) continue;
    CheckTogether(credential, other.credential(), violations);
  }
  return violations.ToStatus();
}

using Secrets = google::protobuf::Map<std::string, std::string>;

// What is sent empty stays as it was.
Secrets Filled(const Secrets& before, Secrets sent) {
  for (auto& [name, value] : sent) {
    const auto found = before.find(name);
    if (value.empty() && found != before.end()) value = found->second;
  }
  return sent;
}

// How each path of a mask is carried out. `to` holds its secrets.
using Editor = void (*)(const Credential& sent, Credential& to);
const std::vector<std::pair<std::string, Editor>>& Editors() {
  static const auto& editors = *new std::vector<std::pair<std::string, Editor>>{
      {"display_name",
       [](const Credential& sent, Credential& to) { to.set_display_name(sent.display_name()); }},
      {"static",
       [](const Credential& sent, Credential& to) {
         const Secrets before = to.static_().secret_variables();
         *to.mutable_static_() = sent.static_();
         Secrets& secrets = *to.mutable_static_()->mutable_secret_variables();
         secrets = secrets.empty() ? before : Filled(before, secrets);
       }},
      {"static.variables",
       [](const Credential& sent, Credential& to) {
         *to.mutable_static_()->mutable_variables() = sent.static_().variables();
       }},
      {"static.secret_variables",
       [](const Credential& sent, Credential& to) {
         Secrets& secrets = *to.mutable_static_()->mutable_secret_variables();
         secrets = Filled(secrets, sent.static_().secret_variables());
       }},
      {"web_identity", [](const Credential& sent,
                          Credential& to) { *to.mutable_web_identity() = sent.web_identity(); }},
      {"web_identity.role_arn",
       [](const Credential& sent, Credential& to) {
         to.mutable_web_identity()->set_role_arn(sent.web_identity().role_arn());
       }},
      {"web_identity.region",
       [](const Credential& sent, Credential& to) {
         to.mutable_web_identity()->set_region(sent.web_identity().region());
       }},
      {"pod_identity", [](const Credential& sent,
                          Credential& to) { *to.mutable_pod_identity() = sent.pod_identity(); }},
      {"pod_identity.region",
       [](const Credential& sent, Credential& to) {
         to.mutable_pod_identity()->set_region(sent.pod_identity().region());
       }},
      {"providers",
       [](const Credential& sent, Credential& to) { *to.mutable_providers() = sent.providers(); }},
  };
  return editors;
}

// The paths of a mask; without one, of what is set.
std::vector<std::string> PathsOf(const v1::UpdateCredentialRequest& request) {
  const auto& mask = request.update_mask().paths();
  std::vector<std::string> paths(mask.begin(), mask.end());
  if (!paths.empty()) return paths;
  const Credential& sent = request.credential();
  if (!sent.display_name().empty()) paths.push_back("display_name");
  if (sent.has_static_()) paths.push_back("static");
  if (sent.has_web_identity()) paths.push_back("web_identity");
  if (sent.has_pod_identity()) paths.push_back("pod_identity");
  if (!sent.providers().empty()) paths.push_back("providers");
  return paths;
}

absl::Status Edit(const v1::UpdateCredentialRequest& request, Credential& credential) {
  Violations violations;
  for (const std::string& path : PathsOf(request)) {
    const auto& editors = Editors();
    const auto editor = std::find_if(editors.begin(), editors.end(),
                                     [&](const auto& entry) { return entry.first == path; });
    if (editor != editors.end()) {
      editor->second(request.credential(), credential);
      continue;
    }
    violations.Add("update_mask",
                   absl::StrCat("cannot change ", Quoted(path), "; it can change ",
                                absl::StrJoin(editors, ", ", [](std::string* out, const auto& e) {
                                  out->append(e.first);
                                })));
  }
  if (credential.has_static_()) credential.mutable_static_()->clear_secret_variable_names();
  return violations.ToStatus();
}

// How many stacks a change of credentials is about.
std::string Concerning(soci::session& sql, const std::string& project) {
  const int64_t count = CountLiveStacks(sql, project, "");
  return absl::StrCat("; the project has ", count, count == 1 ? " stack" : " stacks");
}

}  // namespace

absl::StatusOr<Credential> Credentials::Create(const Principal& caller,
                                               const v1::CreateCredentialRequest& request) {
  Violations violations;
  const auto parent = ParseName("parent", request.parent(), "projects/*");
  if (!parent.ok()) violations.Add("parent", "must be projects/{project}");
  if (!IsResourceId(request.credential_id())) violations.Add("credential_id", kResourceIdRule);
  CheckCredential(request.credential(), violations);
  RETURN_IF_ERROR(violations.ToStatus());
  const std::string& project = (*parent)[0];

  CredentialRecord record;
  record.set_uid(RandomId());
  Credential& credential = *record.mutable_credential();
  credential = request.credential();
  credential.set_name(absl::StrCat(request.parent(), "/credentials/", request.credential_id()));
  credential.set_etag(RandomId());
  *credential.mutable_create_time() = ToProto(store_.Now());
  *credential.mutable_update_time() = credential.create_time();
  if (credential.has_static_()) credential.mutable_static_()->clear_secret_variable_names();
  const Credential open = credential;
  SealSecrets(store_.sealer(), record);
  const auto check_place = [&](soci::session& sql) -> absl::Status {
    RETURN_IF_ERROR(FindProject(sql, project).status());
    if (FindCredential(sql, credential.name()).ok()) return Exists(credential.name());
    ASSIGN_OR_RETURN(const auto all, CredentialsOf(sql, project));
    if (all.size() >= kMostCredentials) {
      return InvalidField("parent",
                          absl::StrCat("has ", kMostCredentials, " credentials, which is most"));
    }
    return CheckAmong(all, open);
  };
  if (request.validate_only()) {
    RETURN_IF_ERROR(store_.Read([&](soci::session& sql) { return check_place(sql); }));
    return credential;
  }
  return store_.WriteValue<Credential>(
      ActorOf(caller), [&](Change& change) -> absl::StatusOr<Credential> {
        Credential shown;
        RETURN_IF_ERROR(Once(change, request.request_id(), "CreateCredential", request, shown,
                             [&]() -> absl::Status {
                               RETURN_IF_ERROR(LockCredentials(change, project));
                               RETURN_IF_ERROR(check_place(change.sql));
                               RETURN_IF_ERROR(SaveCredential(change, record));
                               shown = credential;
                               return Record(change, "created", credential.name(),
                                             "the credential was created");
                             }));
        return shown;
      });
}

absl::StatusOr<Credential> Credentials::Get(const v1::GetCredentialRequest& request) {
  return store_.ReadValue<Credential>([&](soci::session& sql) -> absl::StatusOr<Credential> {
    ASSIGN_OR_RETURN(const CredentialRecord record, FindCredential(sql, request.name()));
    return record.credential();
  });
}

absl::StatusOr<v1::ListCredentialsResponse> Credentials::List(
    const Principal& caller, const v1::ListCredentialsRequest& request) {
  using Response = v1::ListCredentialsResponse;
  ASSIGN_OR_RETURN(const auto parts, ParseName("parent", request.parent(), "projects/*"));
  ASSIGN_OR_RETURN(const Listing listing,
                   ReadListing<Credential>(request, request.parent(), request.order_by()));
  return store_.ReadValue<Response>([&](soci::session& sql) -> absl::StatusOr<Response> {
    ASSIGN_OR_RETURN(auto rows,
                     ListCredentials(sql, parts[0] == "-" ? "" : parts[0], listing.page,
                                     [&](const CredentialRecord& record) {
                                       const auto project =
                                           ProjectOf("name", record.credential().name());
                                       return project.ok() && MaySee(caller, *project) &&
                                              listing.filter.Matches(record.credential());
                                     }));
    Response response;
    for (CredentialRecord& record : rows.items) {
      *response.add_credentials() = std::move(*record.mutable_credential());
    }
    response.set_next_page_token(listing.Token(rows.next));
    return response;
  });
}

absl::StatusOr<Credential> Credentials::Update(const Principal& caller,
                                               const v1::UpdateCredentialRequest& request) {
  const Credential& sent = request.credential();
  ASSIGN_OR_RETURN(const std::string project, ProjectOf("credential.name", sent.name()));
  return store_.WriteValue<Credential>(
      ActorOf(caller), [&](Change& change) -> absl::StatusOr<Credential> {
        Credential shown;
        const auto edit = [&]() -> absl::Status {
          RETURN_IF_ERROR(LockCredentials(change, project));
          ASSIGN_OR_RETURN(CredentialRecord record, FindCredential(change.sql, sent.name()));
          Credential& credential = *record.mutable_credential();
          RETURN_IF_ERROR(CheckEtag(sent.etag(), credential.etag(), credential.name()));
          ASSIGN_OR_RETURN(credential, WithSecrets(store_.sealer(), record));
          RETURN_IF_ERROR(Edit(request, credential));
          ASSIGN_OR_RETURN(const auto all, CredentialsOf(change.sql, project));
          RETURN_IF_ERROR(CheckAmong(all, credential));
          SealSecrets(store_.sealer(), record);
          if (!request.validate_only()) {
            credential.set_etag(RandomId());
            *credential.mutable_update_time() = ToProto(change.now);
            RETURN_IF_ERROR(SaveCredential(change, record));
            RETURN_IF_ERROR(Record(
                change, "updated", credential.name(),
                absl::StrCat("the credential was changed", Concerning(change.sql, project))));
          }
          shown = credential;
          return absl::OkStatus();
        };
        RETURN_IF_ERROR(Once(change, request.validate_only() ? "" : request.request_id(),
                             "UpdateCredential", request, shown, edit));
        return shown;
      });
}

absl::Status Credentials::Delete(const Principal& caller,
                                 const v1::DeleteCredentialRequest& request) {
  ASSIGN_OR_RETURN(const std::string project, ProjectOf("name", request.name()));
  return store_.Write(ActorOf(caller), [&](Change& change) -> absl::Status {
    // Nothing is answered; the type says so.
    Credential none;
    return Once(
        change, request.request_id(), "DeleteCredential", request, none, [&]() -> absl::Status {
          RETURN_IF_ERROR(LockCredentials(change, project));
          ASSIGN_OR_RETURN(const CredentialRecord record,
                           FindCredential(change.sql, request.name()));
          RETURN_IF_ERROR(CheckEtag(request.etag(), record.credential().etag(), request.name()));
          RETURN_IF_ERROR(DeleteCredential(change, request.name()));
          return Record(change, "deleted", request.name(),
                        absl::StrCat("the credential was deleted; runs that begin now go without",
                                     Concerning(change.sql, project)));
        });
  });
}

}  // namespace stackyard::stacks
