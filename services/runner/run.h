// One run from its assignment to its completion.
#pragma once

#include "services/runner/run_context.h"

namespace stackyard::runner {

// Does the steps of the assignment on the calling thread, and completes it, unless it is abandoned.
// Its folder is removed after it was completed.
void ExecuteRun(const RunnerParts& parts, const internal::v1::Assignment& assignment,
                RunControl& control);

}  // namespace stackyard::runner
