// Who holds the lock of a stack's state. A person's lock is a row; a run holds the lock by being
// active. What is written under a person's lock is a draft until the lock is given back.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "services/stacks/change.h"
#include "services/stacks/stack_store.h"
#include "stackyard/v1/state_versions.pb.h"

namespace stackyard::stacks {

// A person's lock.
struct HeldLock {
  // As it is shown.
  v1::StateLock lock;
  // `users/{user}`.
  std::string holder;
};

// Of the stack with a uid; nothing when nobody holds it.
std::optional<HeldLock> FindStateLock(soci::session& sql, const std::string& uid);
void SaveStateLock(Change& change, const std::string& uid, const HeldLock& held);
void DropStateLock(Change& change, const std::string& uid);

// How the lock is shown while no person holds it: as the active run's, or nobody's.
absl::StatusOr<v1::StateLock> LockOfRun(soci::session& sql, const StackRecord& record);

// STATE_LOCKED; the metadata has what is known of the lock, long texts in short: resource, lock_id,
// who, operation, info, version, create_time (RFC 3339).
absl::Status LockedError(const v1::StateLock& lock);

// Whether the state can be changed from outside now, as far as runs are concerned: STATE_LOCKED
// while one is active, WRONG_STATE when the stack is gone. A check for drift is none: it gives way,
// by YieldDriftCheck.
absl::Status CheckNoRun(soci::session& sql, const StackRecord& record);

}  // namespace stackyard::stacks
