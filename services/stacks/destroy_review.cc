#include "services/stacks/destroy_review.h"

#include "absl/strings/str_cat.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "services/stacks/catalog_store.h"
#include "services/stacks/flow.h"
#include "services/stacks/operations.h"
#include "services/stacks/waiting.h"

namespace stackyard::stacks {
namespace {

absl::StatusOr<v1::ApprovalPolicy> PolicyOf(Change& change, const StackRecord& record) {
  ASSIGN_OR_RETURN(
      const StoredVersion stored,
      FindVersionByName(change.sql, "template_version", record.stack().template_version()));
  return stored.version.approval();
}

bool IsOver(const StackRecord& record, absl::Time now) {
  return FromProto(record.stack().lease().end_time()) <= now;
}

}  // namespace

absl::StatusOr<bool> IsDestroyReviewed(Change& change, const StackRecord& record, bool abandon) {
  // What an import brought is only forgotten.
  if (record.stack().resource_count() == 0 || record.imported()) return false;
  if (IsOver(record, change.now) && !abandon) return false;
  ASSIGN_OR_RETURN(const v1::ApprovalPolicy policy, PolicyOf(change, record));
  return policy.review_destroy();
}

absl::Status AskDestroy(Change& change, StackRecord& record, const DestroyWish& wish) {
  const Stack& stack = record.stack();
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("name", stack.name()));
  ASSIGN_OR_RETURN(const v1::ApprovalPolicy policy, PolicyOf(change, record));
  RETURN_IF_ERROR(Next(record, DestroyAsked{}, change.now).status());
  // Its update is the one thing that waits then.
  if (stack.state() == Stack::AWAITING_APPROVAL) {
    return Error(v1::WRONG_STATE,
                 absl::StrCat(stack.name(), " waits for review of ", stack.change_request(),
                              "; withdraw that first"),
                 {{"resource", stack.name()}, {"change_request", stack.change_request()}});
  }
  RETURN_IF_ERROR(CheckNotWaiting(record));

  ChangeRequest request;
  request.set_type(ChangeRequest::DESTROY);
  request.set_stack(stack.name());
  request.set_plan_digest(record.state_digest());
  const char* noun = stack.resource_count() == 1 ? " resource" : " resources";
  request.set_summary(
      absl::StrCat(stack.resource_count(), noun, wish.abandon ? " to forget" : " to destroy"));
  *request.mutable_amounts() = stack.amounts();
  request.set_estimated_micros_per_hour(stack.estimated_micros_per_hour());
  request.set_currency(stack.currency());
  request.set_price_date(stack.price_date());
  request.set_requester(wish.requester);
  request.set_reason(wish.reason);
  const absl::Time latest =
      IsOver(record, change.now) ? absl::InfiniteFuture() : FromProto(stack.lease().end_time());
  RETURN_IF_ERROR(OpenRequest(change, name.project, request, policy, latest));
  WaitFor(record, request, wish.operation);
  record.set_waiting_abandon(wish.abandon);
  RETURN_IF_ERROR(SaveStack(change, record));
  return AdvanceOperation(change, wish.operation, [&](OperationMetadata& metadata) {
    metadata.set_stage(OperationMetadata::AWAITING_APPROVAL);
    metadata.set_change_request(request.name());
    metadata.set_message(absl::StrCat("waits for ", policy.required_approvals(), " approval",
                                      policy.required_approvals() == 1 ? "" : "s", " by ",
                                      policy.reviewer_role()));
  });
}

bool IsStateStale(const StackRecord& record, const ChangeRequest& request) {
  return record.state_digest() != request.plan_digest();
}

absl::Status AskDestroyAgain(Change& change, StackRecord& record, ChangeRequest& request) {
  RETURN_IF_ERROR(CloseRequest(change, request, ChangeRequest::STALE,
                               "the state changed since it was asked; it is asked again"));
  const Waited waited = StopWaiting(record);
  return AskDestroy(change, record,
                    {waited.operation, request.requester(), request.reason(), waited.abandon});
}

absl::Status OnDestroyApproved(Change& change, StackRecord& record) {
  const Waited waited = StopWaiting(record);
  return StartDestroy(change, record, waited.operation, waited.abandon);
}

}  // namespace stackyard::stacks
