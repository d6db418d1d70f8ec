// Secrets of credentials: sealed in rows, open in what runners are told and nowhere else.
#pragma once

#include "absl/status/status.h"
#include "common/sealer.h"
#include "services/stacks/credential_store.h"
#include "stackyard/internal/v1/run_queue.pb.h"

namespace stackyard::stacks {

// Moves the secret variables of the record's credential into `sealed_secrets`, and their names into
// `secret_variable_names`.
void SealSecrets(const Sealer& sealer, CredentialRecord& record);

// The credential with its secret variables. DATA_LOSS or FAILED_PRECONDITION, see Sealer::Open.
absl::StatusOr<v1::Credential> WithSecrets(const Sealer& sealer, const CredentialRecord& record);

// Adds the credentials of its stack's project to what a runner is told.
absl::Status HandOver(soci::session& sql, const Sealer& sealer,
                      internal::v1::Assignment& assignment);

}  // namespace stackyard::stacks
