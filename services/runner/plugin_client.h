// Single calls of our own to a provider.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/runner/provider_process.h"
#include "services/runner/provider_schema.h"

namespace stackyard::runner {

// All that a provider says of itself. FAILED_PRECONDITION when it answers with an error,
// UNAVAILABLE when it was lost.
absl::StatusOr<ProviderSchema> AskSchema(const ProviderProcess& process, absl::Duration timeout);

}  // namespace stackyard::runner
