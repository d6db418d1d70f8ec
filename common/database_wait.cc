#include "common/database_wait.h"

#include <algorithm>
#include <string>

#include "absl/time/clock.h"
#include "common/log.h"
#include "common/server.h"

namespace stackyard {

DatabaseWait::DatabaseWait(absl::Duration limit) : limit_(limit), end_(absl::Now() + limit) {}

bool DatabaseWait::Again(const absl::Status& failure) {
  const absl::Duration left = end_ - absl::Now();
  if (!absl::IsUnavailable(failure) || left <= absl::ZeroDuration()) return false;
  if (!told_) {
    LogWarning("the start waits for the database",
               {{"for", absl::FormatDuration(limit_)}, {"error", std::string(failure.message())}});
  }
  told_ = true;
  return !WaitForSignal(std::min(left, absl::Seconds(1)));
}

}  // namespace stackyard
