// Requests for more quota: checked with the quota service, reviewed, and carried out by a task.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/stacks/change.h"
#include "services/stacks/change_requests.h"
#include "services/stacks/quota_change_client.h"
#include "services/stacks/task_store.h"

namespace stackyard::stacks {

class QuotaRequests {
 public:
  // Both must outlive the object.
  QuotaRequests(Store& store, QuotaChangeClient& quota) : store_(store), quota_(quota) {}

  // Asks reviewers. Errors: INVALID_FIELD (every field at fault), RESOURCE_NOT_FOUND,
  // DEPENDENCY_UNAVAILABLE.
  absl::StatusOr<ChangeRequest> Create(const Principal& caller,
                                       const v1::CreateQuotaRequestRequest& request);

 private:
  Store& store_;
  QuotaChangeClient& quota_;
};

// Who reviews quota: one of devops, within 7 days.
v1::ApprovalPolicy QuotaPolicy();

// Reviewers said yes: leaves the task that carries it out.
void OnQuotaApproved(Change& change, const ChangeRequest& request);

// Does an APPLY_QUOTA_CHANGE task: the change, and the event of it. What quota refuses for good is
// told as `changeRequest.failed`, by a comment too. An error puts the task off.
absl::Status ApplyQuotaChange(Store& store, QuotaChangeClient& quota, const DueTask& task);

}  // namespace stackyard::stacks
