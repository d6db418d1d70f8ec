// Credentials of projects, as users see them.
#pragma once

#include "absl/status/statusor.h"
#include "services/stacks/change.h"
#include "stackyard/v1/credentials.pb.h"

namespace stackyard::stacks {

// What is answered never holds a secret.
class Credentials {
 public:
  explicit Credentials(Store& store) : store_(store) {}

  absl::StatusOr<v1::Credential> Create(const Principal& caller,
                                        const v1::CreateCredentialRequest& request);
  absl::StatusOr<v1::Credential> Get(const v1::GetCredentialRequest& request);
  absl::StatusOr<v1::ListCredentialsResponse> List(const Principal& caller,
                                                   const v1::ListCredentialsRequest& request);
  // A secret variable that is sent empty stays as it is; those that are not named go away, unless
  // none is: who writes back what they read keeps them all.
  absl::StatusOr<v1::Credential> Update(const Principal& caller,
                                        const v1::UpdateCredentialRequest& request);
  // Also of a project whose stacks may need it: runs that begin later go without.
  absl::Status Delete(const Principal& caller, const v1::DeleteCredentialRequest& request);

 private:
  Store& store_;
};

}  // namespace stackyard::stacks
