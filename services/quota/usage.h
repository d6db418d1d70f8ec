// What is used and allowed, for people to look at.
#pragma once

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "services/quota/store.h"
#include "stackyard/v1/quota.pb.h"

namespace stackyard::quota {

// Where a user has no limit of their own, the project's is shown.
class UsageReport {
 public:
  // Both must outlive the object.
  UsageReport(Store& store, const Clock& clock) : store_(store), clock_(clock) {}

  // Every metric of the project now; by_user adds a line for each user with a limit of their own
  // or with something held. Errors: INVALID_FIELD.
  absl::StatusOr<v1::ListUsageResponse> List(const v1::ListUsageRequest& request);

  // What is held and allowed over a time, as it is known now: what was released does not show.
  // Errors: INVALID_FIELD, also for a time that has more than 5000 points.
  absl::StatusOr<v1::QueryUsageSeriesResponse> Series(const v1::QueryUsageSeriesRequest& request);

 private:
  Store& store_;
  const Clock& clock_;
};

}  // namespace stackyard::quota
