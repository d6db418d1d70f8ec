#include "services/stacks/waiting.h"

#include "absl/strings/str_cat.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "services/stacks/change_request_store.h"
#include "services/stacks/operations.h"
#include "services/stacks/quota_tasks.h"

namespace stackyard::stacks {

absl::Status CheckNotWaiting(const StackRecord& record) {
  if (record.waiting_request().empty()) return absl::OkStatus();
  return Error(v1::WRONG_STATE,
               absl::StrCat(record.stack().name(), " waits for review of ",
                            record.waiting_request(), "; withdraw that first"),
               {{"resource", record.stack().name()}, {"change_request", record.waiting_request()}});
}

absl::Status CheckFree(const StackRecord& record, absl::Time now) {
  RETURN_IF_ERROR(CheckNotWaiting(record));
  const v1::Stack& stack = record.stack();
  const bool holds = stack.resource_count() > 0 || !record.reservation().empty();
  if (holds && FromProto(stack.lease().end_time()) <= now) {
    return Error(v1::WRONG_STATE,
                 absl::StrCat("the lease of ", stack.name(), " is over: it is to be destroyed"),
                 {{"resource", stack.name()}});
  }
  return absl::OkStatus();
}

void WaitFor(StackRecord& record, const ChangeRequest& request, const std::string& operation) {
  record.set_waiting_request(request.name());
  record.set_waiting_operation(operation);
  v1::Stack& stack = *record.mutable_stack();
  stack.set_change_request(request.name());
  if (!operation.empty()) stack.set_operation(operation);
  // A FAILED stack goes on to tell why it is.
  if (stack.state() != v1::Stack::READY) return;
  stack.mutable_state_detail()->clear_error();
  stack.mutable_state_detail()->set_message(
      absl::StrCat("waits for review of ", request.name(), ": ", request.summary()));
}

Waited StopWaiting(StackRecord& record) {
  Waited waited{record.waiting_operation(), record.extension_reservation(),
                record.waiting_abandon()};
  record.clear_waiting_request();
  record.clear_waiting_operation();
  record.clear_extension_reservation();
  record.clear_waiting_abandon();
  return waited;
}

absl::Status OnWaitingRefused(Change& change, StackRecord& record, const ChangeRequest& request,
                              const std::string& message) {
  if (record.waiting_request() != request.name()) return absl::OkStatus();
  const Waited waited = StopWaiting(record);
  const absl::Status why = ClosedError(request, message);
  if (record.stack().state() == v1::Stack::READY) {
    const bool destroys = request.type() == ChangeRequest::DESTROY;
    v1::StateDetail& detail = *record.mutable_stack()->mutable_state_detail();
    detail.set_message(
        absl::StrCat(destroys ? "it was not destroyed: " : "it was not extended: ", message));
    *detail.mutable_error() = ToProto(why);
  }
  ReleaseLater(change, waited.extension_reservation);
  RETURN_IF_ERROR(SaveStack(change, record));
  return FinishOperation(change, waited.operation, why, nullptr);
}

absl::Status WithdrawWaiting(Change& change, StackRecord& record) {
  if (record.waiting_request().empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(ChangeRequest request, LockChangeRequest(change, record.waiting_request()));
  const Waited waited = StopWaiting(record);
  const absl::Time end = FromProto(record.stack().lease().end_time());
  const bool over = end <= change.now;
  const std::string message =
      over ? "the lease ended before anybody decided" : "the stack was deleted meanwhile";
  if (request.state() == ChangeRequest::PENDING) {
    RETURN_IF_ERROR(CloseRequest(change, request, ChangeRequest::WITHDRAWN, message));
  }
  if (over && !waited.extension_reservation.empty()) {
    // It holds beyond the lease what is there until it is destroyed.
    record.set_reservation(waited.extension_reservation);
    *record.mutable_held_until() = ToProto(end + FromProto(request.extension()));
    CommitLater(change, record.reservation(), record.stack().amounts());
  } else {
    ReleaseLater(change, waited.extension_reservation);
  }
  return FinishOperation(change, waited.operation, ClosedError(request, message), nullptr);
}

}  // namespace stackyard::stacks
