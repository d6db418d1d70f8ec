// Versions of Terraform states.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "services/stacks/rows.h"
#include "services/stacks/stack_store.h"
#include "services/stacks/state_file.h"
#include "stackyard/v1/state_versions.pb.h"

namespace stackyard::stacks {

// Makes `state`, stored as blob `digest`, the stack's current state, and saves the stack. The same
// snapshot again changes nothing. STATE_CONFLICT when its lineage is another one or its serial does
// not go on.
absl::Status AppendState(Change& change, StackRecord& record, const StateFile& state,
                         const std::string& digest, int64_t size, const std::string& run);

// `serial` 0 is the current one.
absl::StatusOr<v1::StateVersion> FindState(soci::session& sql, const StackRecord& record,
                                           int64_t serial);

// Newest first.
absl::StatusOr<Rows<v1::StateVersion>> ListStates(
    soci::session& sql, const std::string& uid, const Page& page,
    const std::function<bool(const v1::StateVersion&)>& accept);

}  // namespace stackyard::stacks
