#include "services/stacks/plan_requests.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "services/stacks/change_request_store.h"
#include "services/stacks/change_requests.h"
#include "services/stacks/flow.h"
#include "services/stacks/operations.h"

namespace stackyard::stacks {
namespace {

using v1::Diagnostic;

// As many as an error quotes; the request has all of them.
constexpr size_t kQuoted = 10;

absl::Status Denial(const ChangeRequest& request) {
  std::vector<std::string> messages;
  for (const Diagnostic& message : request.policy_messages()) {
    if (message.severity() != Diagnostic::ERROR) continue;
    messages.push_back(message.address().empty()
                           ? message.summary()
                           : absl::StrCat(message.address(), ": ", message.summary()));
  }
  const size_t count = messages.size();
  messages.resize(std::min(count, kQuoted));
  std::string text = absl::StrCat("the policy forbids the plan: ", absl::StrJoin(messages, "; "));
  if (count > kQuoted) absl::StrAppend(&text, "; and ", count - kQuoted, " more");
  return Error(v1::POLICY_DENIED, text,
               {{"resource", request.stack()}, {"change_request", request.name()}});
}

}  // namespace

std::string Summarize(const v1::Plan& plan) {
  return absl::StrCat(plan.to_create(), " to create, ", plan.to_update(), " to update, ",
                      plan.to_replace(), " to replace, ", plan.to_destroy(), " to destroy");
}

ChangeRequest RequestForPlan(const StackRecord& record, const RevisionRecord& revision) {
  const v1::Plan& plan = revision.revision().plan();
  ChangeRequest request;
  request.set_type(record.stack().applied_revision() == 0 ? ChangeRequest::PROVISION
                                                          : ChangeRequest::UPDATE);
  request.set_stack(record.stack().name());
  request.set_revision(revision.revision().name());
  request.set_plan_digest(plan.digest());
  request.set_summary(Summarize(plan));
  *request.mutable_amounts() = plan.amounts();
  request.set_requester(revision.revision().creator());
  request.set_reason(revision.revision().reason());
  request.set_estimated_micros_per_hour(plan.estimated_micros_per_hour());
  request.set_currency(plan.currency());
  request.set_price_date(plan.price_date());
  *request.mutable_policy_messages() = plan.policy_messages();
  return request;
}

bool IsForbidden(const v1::Plan& plan) {
  return std::any_of(
      plan.policy_messages().begin(), plan.policy_messages().end(),
      [](const Diagnostic& message) { return message.severity() == Diagnostic::ERROR; });
}

absl::Status RejectByPolicy(Change& change, StackRecord& record, const RevisionRecord& revision,
                            const v1::ApprovalPolicy& policy) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("name", record.stack().name()));
  ChangeRequest request = RequestForPlan(record, revision);
  request.set_state(ChangeRequest::REJECTED);
  *request.mutable_policy() = policy;
  RETURN_IF_ERROR(InsertChangeRequest(change, name.project, request));
  record.mutable_stack()->set_change_request(request.name());
  RETURN_IF_ERROR(AdvanceOperation(
      change, record.stack().operation(),
      [&](OperationMetadata& metadata) { metadata.set_change_request(request.name()); }));
  const absl::Status why = Denial(request);
  RETURN_IF_ERROR(RecordRequest(change, request, "rejected", std::string(why.message())));
  return GiveUp(change, record, why, /*refused=*/true);
}

}  // namespace stackyard::stacks
