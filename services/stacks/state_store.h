// Versions of Terraform states: the current one and its predecessors, drafts that wait for a lock
// to be given back, and strays: what did not become current, kept to be looked at or rolled back
// to.
#pragma once

#include <optional>
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

// Same, but as a draft, which goes on from the last draft. Answers it.
absl::StatusOr<v1::StateVersion> AppendDraft(Change& change, const StackRecord& record,
                                             const StateFile& state, const std::string& digest,
                                             int64_t size);
// Makes the drafts versions, and the last of them the current one. The caller saves the record.
// Nothing when there are none. STATE_CONFLICT when the lineage is another stack's by now.
absl::StatusOr<std::optional<v1::StateVersion>> PromoteDrafts(Change& change, StackRecord& record);
// Makes the drafts strays. Answers them, oldest first.
absl::StatusOr<std::vector<v1::StateVersion>> DropDrafts(Change& change, const StackRecord& record);

// Keeps a state that did not become current. It is called `…/stateVersions/{digest}`. False when it
// was kept before.
bool KeepStray(Change& change, const StackRecord& record, v1::StateVersion& version);

// What there is to know of a state of a stack, in the words of the API.
v1::StateVersion Describe(const Change& change, const StackRecord& record, const StateFile& state,
                          const std::string& digest, int64_t size, const std::string& run);

// What a stack of this name had left, whether it still has the name or not, by the digest.
// RESOURCE_NOT_FOUND.
absl::StatusOr<v1::StateVersion> FindStray(soci::session& sql, const StackName& name,
                                           const std::string& digest);

// By what a name ends in: a serial, the digest of a stray, or `latest`. INVALID_FIELD on `name`.
absl::StatusOr<v1::StateVersion> FindState(soci::session& sql, const StackRecord& record,
                                           const std::string& id);

// The last draft, else the current state; nothing when there is none.
absl::StatusOr<std::optional<v1::StateVersion>> NewestState(soci::session& sql,
                                                            const StackRecord& record);

// Whether a state with this digest is or was the current one.
bool WasSaved(soci::session& sql, const std::string& uid, const std::string& digest);

// Keeps a version whatever its age, because another was made of it.
void KeepForGood(Change& change, const std::string& uid, int64_t serial);

// STATE_CONFLICT when another live stack has this lineage. Imports and first states take turns.
absl::Status CheckLineageFree(Change& change, const StackRecord& record,
                              const std::string& lineage);

// Newest first.
absl::StatusOr<Rows<v1::StateVersion>> ListStates(
    soci::session& sql, const std::string& uid, const Page& page,
    const std::function<bool(const v1::StateVersion&)>& accept);

}  // namespace stackyard::stacks
