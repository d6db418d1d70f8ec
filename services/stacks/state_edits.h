// Changes of states from outside of runs: the lock, writing, rolling back.
//
// A person's lock keeps runs of the stack in the queue, whoever or whatever asked for them, until
// it is given back; nobody else writes the state meanwhile. A run holds the lock by being active,
// and so does a plan that is being made; a check for drift gives way. While a change waits for
// review the lock is free: what then becomes current makes the request STALE.
#pragma once

#include "absl/status/statusor.h"
#include "common/blob_store.h"
#include "services/stacks/change.h"
#include "services/stacks/stack_store.h"
#include "services/stacks/state_file.h"
#include "services/stacks/state_locks.h"
#include "services/stacks/state_texts.h"
#include "stackyard/v1/events.pb.h"
#include "stackyard/v1/state_versions.pb.h"

namespace stackyard::stacks {

class StateEdits {
 public:
  StateEdits(Store& store, BlobStore& blobs) : store_(store), blobs_(blobs) {}

  absl::StatusOr<v1::StateLock> GetLock(const v1::GetStateLockRequest& request);
  // The same lock for the same caller again changes nothing.
  absl::StatusOr<v1::StateLock> Lock(const Principal& caller, const v1::LockStateRequest& request);
  // The last draft becomes current, and what follows from it is done, in the same transaction. A
  // lock that nobody holds is given back already.
  absl::StatusOr<v1::StateLock> Unlock(const Principal& caller,
                                       const v1::UnlockStateRequest& request);
  // Drafts do not become current; they are kept as strays, since somebody's Terraform may have made
  // what is in them.
  absl::StatusOr<v1::StateLock> ForceUnlock(const Principal& caller,
                                            const v1::ForceUnlockStateRequest& request);
  // A draft under the caller's lock; current at once where nobody holds it. The same state again
  // changes nothing. STATE_LOCKED as well when the lock that the request names was broken.
  absl::StatusOr<v1::StateVersion> Write(const Principal& caller,
                                         const v1::WriteStateRequest& request);
  // The old state with the next serial: a draft where the caller holds the lock, else current at
  // once. Doing it again changes nothing.
  absl::StatusOr<v1::StateVersion> Rollback(const Principal& caller,
                                            const v1::RollbackStateRequest& request);

 private:
  // Makes a state current, or a draft under the lock that the caller was found to hold.
  absl::StatusOr<v1::StateVersion> Take(Change& change, StackRecord& record, bool as_draft,
                                        const StateFile& state, const std::string& digest,
                                        int64_t size, const v1::Event& event);
  absl::Status Promote(Change& change, StackRecord& record, const StateTexts& texts);
  // Writes what a rollback to a version would make, ahead of it; answers the digest.
  absl::StatusOr<std::string> PutRolledBack(const StackName& name, const std::string& version,
                                            StateTexts& texts);
  // What the newest version of a stack's state holds, read ahead.
  absl::StatusOr<StateTexts> NewestText(const StackName& name);

  Store& store_;
  BlobStore& blobs_;
};

}  // namespace stackyard::stacks
