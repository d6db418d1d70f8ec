#include "services/stacks/change_requests.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/proto_time.h"
#include "common/resource_name.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "services/stacks/change_request_store.h"
#include "services/stacks/events.h"
#include "services/stacks/task_store.h"

namespace stackyard::stacks {
namespace {

std::string ExpiryTask(const ChangeRequest& request) {
  return absl::StrCat("expire/", request.name());
}

}  // namespace

absl::Status OpenRequest(Change& change, const std::string& project, ChangeRequest& request,
                         const v1::ApprovalPolicy& policy, absl::Time latest) {
  request.set_state(ChangeRequest::PENDING);
  *request.mutable_policy() = policy;
  const absl::Time expiry = std::min(change.now + FromProto(policy.expires_after()), latest);
  *request.mutable_expire_time() = ToProto(expiry);
  RETURN_IF_ERROR(InsertChangeRequest(change, project, request));
  TaskRecord task;
  task.set_kind(TaskRecord::EXPIRE_REQUEST);
  task.set_change_request(request.name());
  AddTask(change, ExpiryTask(request), task, expiry);
  return RecordRequest(change, request, "created",
                       absl::StrCat(request.requester(), " asks for review: ", request.summary()));
}

absl::Status CloseRequest(Change& change, ChangeRequest& request, ChangeRequest::State state,
                          const std::string& message) {
  request.set_state(state);
  DropTask(change, ExpiryTask(request));
  RETURN_IF_ERROR(SaveChangeRequest(change, request));
  return RecordRequest(change, request, absl::AsciiStrToLower(ChangeRequest::State_Name(state)),
                       message);
}

absl::Status RecordRequest(Change& change, const ChangeRequest& request, const std::string& what,
                           const std::string& message) {
  ASSIGN_OR_RETURN(const auto parts,
                   ParseName("name", request.name(), "projects/*/changeRequests/*"));
  v1::Event event;
  event.set_type(absl::StrCat("changeRequest.", what));
  event.set_resource(request.name());
  event.set_message(message);
  auto& details = *event.mutable_details()->mutable_fields();
  details["type"].set_string_value(ChangeRequest::Type_Name(request.type()));
  details["requester"].set_string_value(request.requester());
  if (!request.stack().empty()) details["stack"].set_string_value(request.stack());
  return AppendEvent(change, parts[0], event);
}

absl::Status ClosedError(const ChangeRequest& request, const std::string& message) {
  return Error(
      v1::REQUEST_CLOSED, message,
      {{"resource", request.name()}, {"state", ChangeRequest::State_Name(request.state())}});
}

}  // namespace stackyard::stacks
