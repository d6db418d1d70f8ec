// Rows of credentials.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/stacks/change.h"
#include "services/stacks/rows.h"
#include "stackyard/internal/v1/records.pb.h"

namespace stackyard::stacks {

using internal::v1::CredentialRecord;

// Keeps the credentials of a project as they are until the transaction ends, so that what is
// checked over all of them stays true. RESOURCE_NOT_FOUND when there is no such project.
absl::Status LockCredentials(Change& change, const std::string& project);

// RESOURCE_NOT_FOUND.
absl::StatusOr<CredentialRecord> FindCredential(soci::session& sql, const std::string& name);

// Makes or changes a credential. Under LockCredentials.
absl::Status SaveCredential(Change& change, const CredentialRecord& record);
absl::Status DeleteCredential(Change& change, const std::string& name);
// All of a project.
void DropCredentials(Change& change, const std::string& project);

// Credentials by name; an empty project means all.
absl::StatusOr<Rows<CredentialRecord>> ListCredentials(
    soci::session& sql, const std::string& project, const Page& page,
    const std::function<bool(const CredentialRecord&)>& accept);
// All of a project, by name.
absl::StatusOr<std::vector<CredentialRecord>> CredentialsOf(soci::session& sql,
                                                            const std::string& project);

}  // namespace stackyard::stacks
