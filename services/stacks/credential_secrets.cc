#include "services/stacks/credential_secrets.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "services/stacks/stack_store.h"

namespace stackyard::stacks {
namespace {

// What was sealed for one credential opens for no other, and for no later one of its name.
std::string PurposeOf(const CredentialRecord& record) {
  return absl::StrCat("credential ", record.credential().name(), " ", record.uid());
}

}  // namespace

void SealSecrets(const Sealer& sealer, CredentialRecord& record) {
  record.clear_sealed_secrets();
  if (!record.credential().has_static_()) return;
  v1::StaticCredential& keys = *record.mutable_credential()->mutable_static_();
  keys.clear_secret_variable_names();
  if (keys.secret_variables().empty()) return;
  v1::StaticCredential secrets;
  *secrets.mutable_secret_variables() = keys.secret_variables();
  keys.clear_secret_variables();
  auto& names = *keys.mutable_secret_variable_names();
  for (const auto& [name, value] : secrets.secret_variables()) names.Add(std::string(name));
  std::sort(names.begin(), names.end());
  record.set_sealed_secrets(sealer.Seal(secrets.SerializeAsString(), PurposeOf(record)));
}

absl::StatusOr<v1::Credential> WithSecrets(const Sealer& sealer, const CredentialRecord& record) {
  v1::Credential credential = record.credential();
  if (record.sealed_secrets().empty()) return credential;
  ASSIGN_OR_RETURN(const std::string opened,
                   sealer.Open(record.sealed_secrets(), PurposeOf(record)));
  v1::StaticCredential secrets;
  if (!secrets.ParseFromString(opened)) {
    return absl::DataLossError(absl::StrCat("the secrets of ", credential.name(), " are damaged"));
  }
  *credential.mutable_static_()->mutable_secret_variables() = secrets.secret_variables();
  return credential;
}

absl::Status HandOver(soci::session& sql, const Sealer& sealer,
                      internal::v1::Assignment& assignment) {
  ASSIGN_OR_RETURN(const StackName stack, StackName::Parse("stack", assignment.stack()));
  ASSIGN_OR_RETURN(const auto records, CredentialsOf(sql, stack.project));
  for (const CredentialRecord& record : records) {
    ASSIGN_OR_RETURN(*assignment.add_credentials(), WithSecrets(sealer, record));
  }
  return absl::OkStatus();
}

}  // namespace stackyard::stacks
