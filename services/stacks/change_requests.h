// The life of a change request: asked, and decided or over. What follows for the stack is written
// by who calls.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/stacks/change.h"
#include "stackyard/v1/change_requests.pb.h"

namespace stackyard::stacks {

using v1::ChangeRequest;

// Makes a request that waits for reviewers: type, stack, digest, summary, requester and reason are
// the caller's. It expires as the policy says, and at `latest` at the latest.
absl::Status OpenRequest(Change& change, const std::string& project, ChangeRequest& request,
                         const v1::ApprovalPolicy& policy, absl::Time latest);

// Decides a request that waits: APPROVED, REJECTED, WITHDRAWN, EXPIRED or STALE. `message` says who
// and why, for people.
absl::Status CloseRequest(Change& change, ChangeRequest& request, ChangeRequest::State state,
                          const std::string& message);

// Writes an event of a request, `changeRequest.{what}`.
absl::Status RecordRequest(Change& change, const ChangeRequest& request, const std::string& what,
                           const std::string& message);

// Why a request that was closed with a no ends what it was for.
absl::Status ClosedError(const ChangeRequest& request, const std::string& message);

}  // namespace stackyard::stacks
