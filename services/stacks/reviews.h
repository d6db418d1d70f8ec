// What reviewers and requesters do with change requests.
#pragma once

#include "absl/status/statusor.h"
#include "services/stacks/change.h"
#include "services/stacks/stack_store.h"
#include "stackyard/v1/change_requests.pb.h"

namespace stackyard::stacks {

class Reviews {
 public:
  explicit Reviews(Store& store) : store_(store) {}

  absl::StatusOr<v1::ChangeRequest> Get(const v1::GetChangeRequestRequest& request);
  absl::StatusOr<v1::ListChangeRequestsResponse> List(const Principal& caller,
                                                      const v1::ListChangeRequestsRequest& request);
  absl::StatusOr<v1::ChangeRequest> Approve(const Principal& caller,
                                            const v1::ApproveChangeRequestRequest& request);
  absl::StatusOr<v1::ChangeRequest> Reject(const Principal& caller,
                                           const v1::RejectChangeRequestRequest& request);
  absl::StatusOr<v1::ChangeRequest> Withdraw(const Principal& caller,
                                             const v1::WithdrawChangeRequestRequest& request);
  absl::StatusOr<v1::ChangeRequest> Comment(const Principal& caller,
                                            const v1::CommentChangeRequestRequest& request);

 private:
  Store& store_;
};

// The state of a stack was replaced: what waits for review and was made from the state before is
// STALE, and asked anew.
absl::Status AskAnew(Change& change, const StackRecord& record);

// Takes a request back for its requester.
absl::Status WithdrawRequest(Change& change, const std::string& name, const std::string& message);

// Ends a request that nobody answered in time; nothing when it was answered meanwhile.
absl::Status ExpireRequest(Change& change, const std::string& name);

}  // namespace stackyard::stacks
