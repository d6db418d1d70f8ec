#include "services/runner/slot_uids.h"

namespace stackyard::runner {

SlotUids::Lease SlotUids::Take() {
  if (base_ == 0) return {};
  absl::MutexLock lock(&mutex_);
  uid_t uid = base_;
  for (const uid_t taken : taken_) {
    if (taken != uid) break;
    ++uid;
  }
  taken_.insert(uid);
  return {this, uid};
}

void SlotUids::Lease::Return() {
  if (owner_ == nullptr) return;
  absl::MutexLock lock(&owner_->mutex_);
  owner_->taken_.erase(uid_);
}

}  // namespace stackyard::runner
