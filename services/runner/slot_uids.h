// Unprivileged users, one for each thing that runs at the same time.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <set>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace stackyard::runner {

// Hands out the numbers from `base` on, each to one holder at a time, the lowest that is free.
// Thread-safe; outlives what it hands out.
class SlotUids {
 public:
  // A user, until the object goes; 0: the runner's own.
  class Lease {
   public:
    Lease() = default;
    Lease(SlotUids* owner, uid_t uid) : owner_(owner), uid_(uid) {}
    Lease(Lease&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), uid_(std::exchange(other.uid_, 0)) {}
    Lease& operator=(Lease&& other) noexcept {
      if (this == &other) return *this;
      Return();
      owner_ = std::exchange(other.owner_, nullptr);
      uid_ = std::exchange(other.uid_, 0);
      return *this;
    }
    ~Lease() { Return(); }

    uid_t uid() const { return uid_; }

   private:
    void Return();

    SlotUids* owner_ = nullptr;
    uid_t uid_ = 0;
  };

  // 0: every lease is of the runner's own user.
  explicit SlotUids(uid_t base) : base_(base) {}

  Lease Take();

 private:
  const uid_t base_;
  absl::Mutex mutex_;
  std::set<uid_t> taken_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace stackyard::runner
