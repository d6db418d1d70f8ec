// What reviewers approved: more of a limit for good, or a grant for a time.
#pragma once

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "services/quota/store.h"
#include "stackyard/internal/v1/quota_changes.pb.h"

namespace stackyard::quota {

class QuotaChanges {
 public:
  // Both must outlive the object.
  QuotaChanges(Store& store, const Clock& clock) : store_(store), clock_(clock) {}

  // Once per change request, for ever: a replay changes nothing and gets the first answer. Errors:
  // INVALID_FIELD, REQUEST_ID_REUSED.
  absl::StatusOr<internal::v1::ApplyQuotaChangeResponse> Apply(
      const internal::v1::ApplyQuotaChangeRequest& request);

 private:
  Store& store_;
  const Clock& clock_;
};

}  // namespace stackyard::quota
