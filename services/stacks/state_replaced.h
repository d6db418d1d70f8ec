// What follows when a state becomes current that no run of the stack has just written.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "services/stacks/change.h"
#include "services/stacks/stack_store.h"
#include "services/stacks/state_file.h"

namespace stackyard::stacks {

// Outputs, resources, amounts and quota follow from `state`, which is the current one already; what
// was planned or asked from the state before is planned and asked anew. `why` is for people. Saves
// the record, which is not to be used after that.
absl::Status OnStateReplaced(Change& change, StackRecord& record, const StateFile& state,
                             const std::string& why);

}  // namespace stackyard::stacks
