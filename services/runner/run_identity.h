// Gives a run the credentials of its project.
#pragma once

#include "services/runner/run_context.h"

namespace stackyard::runner {

// What credentials of the run are made from, with copies of tokens in `tokens`. After the module
// was prepared.
absl::StatusOr<CredentialSite> CredentialSiteOf(const RunContext& context,
                                                const std::string& tokens);

// Fills in `context.credentials`, for Terraform itself, and keeps its tokens fresh from then on.
// After the module was prepared.
absl::Status TakeCredentials(RunContext& context);

}  // namespace stackyard::runner
