// How many provider processes are worth having ready.
#pragma once

#include <deque>
#include <utility>

#include "absl/time/time.h"

namespace stackyard::runner {

// Of one provider program. Not thread-safe.
class ProviderDemand {
 public:
  // A run took a process, or will soon; `at_once` are in use then, this one included.
  void Note(absl::Time when, int at_once);
  // As many as were in use at once of late; `min` when it was used in the last hour, `max` at most.
  // 0: it is forgotten.
  int Wanted(absl::Time now, int min, int max);
  // The last time that it was asked for.
  absl::Time last() const { return last_; }

 private:
  std::deque<std::pair<absl::Time, int>> notes_;
  absl::Time last_ = absl::InfinitePast();
};

}  // namespace stackyard::runner
