// Waiting for what tells nobody.
#pragma once

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace stackyard {

// Asks until the answer is true, or the time is up; answers the last answer. For what the system
// gives no notice of: a control group that becomes empty, a program that begins to listen.
template <typename Condition>
bool PollUntil(const Condition& condition, absl::Duration limit,
               absl::Duration pause = absl::Milliseconds(2)) {
  const absl::Time deadline = absl::Now() + limit;
  while (true) {
    if (condition()) return true;
    if (absl::Now() > deadline) return false;
    absl::SleepFor(pause);
  }
}

}  // namespace stackyard
