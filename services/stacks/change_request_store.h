// Rows of change requests.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "services/stacks/change.h"
#include "services/stacks/rows.h"
#include "stackyard/v1/change_requests.pb.h"

namespace stackyard::stacks {

// Makes the next request of a project: name, times and etag are set here.
absl::Status InsertChangeRequest(Change& change, const std::string& project,
                                 v1::ChangeRequest& request);
// Writes a request, with a new etag.
absl::Status SaveChangeRequest(Change& change, v1::ChangeRequest& request);
absl::StatusOr<v1::ChangeRequest> FindChangeRequest(soci::session& sql, const std::string& name);
// The same, with the row locked.
absl::StatusOr<v1::ChangeRequest> LockChangeRequest(Change& change, const std::string& name);
// Newest first in each project; an empty project means all.
absl::StatusOr<Rows<v1::ChangeRequest>> ListChangeRequests(
    soci::session& sql, const std::string& project, const Page& page,
    const std::function<bool(const v1::ChangeRequest&)>& accept);

}  // namespace stackyard::stacks
