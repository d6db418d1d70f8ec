#include "services/stacks/reviews.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "common/proto_time.h"
#include "common/resource_name.h"
#include "common/status.h"
#include "services/stacks/bookings.h"
#include "services/stacks/change_request_store.h"
#include "services/stacks/change_requests.h"
#include "services/stacks/destroy_review.h"
#include "services/stacks/extensions.h"
#include "services/stacks/flow.h"
#include "services/stacks/listing.h"
#include "services/stacks/quota_requests.h"
#include "services/stacks/waiting.h"

namespace stackyard::stacks {
namespace {

using v1::ChangeRequest;
using v1::Review;

constexpr size_t kMostText = 4000;

absl::Status StaleError(const ChangeRequest& request) {
  return Error(v1::PLAN_STALE,
               absl::StrCat("the plan of ", request.name(),
                            " is gone: the stack changed since, and is planned and asked anew"),
               {{"resource", request.name()}});
}

absl::Status CheckOpen(const ChangeRequest& request, absl::Time now) {
  if (request.state() == ChangeRequest::STALE) return StaleError(request);
  const bool late =
      request.state() == ChangeRequest::PENDING && FromProto(request.expire_time()) <= now;
  if (request.state() == ChangeRequest::PENDING && !late) return absl::OkStatus();
  const std::string state =
      ChangeRequest::State_Name(late ? ChangeRequest::EXPIRED : request.state());
  return Error(v1::REQUEST_CLOSED, absl::StrCat(request.name(), " is ", state),
               {{"resource", request.name()}, {"state", state}});
}

// Who may say yes or no.
absl::Status CheckReviewer(const Principal& caller, const ChangeRequest& request) {
  if (caller.user() == request.requester()) {
    return Error(v1::SELF_REVIEW, "nobody reviews their own request",
                 {{"resource", request.name()}});
  }
  const std::string& role = request.policy().reviewer_role();
  // Admins hold every right, so the role of a reviewer too.
  if (!role.empty() && !HasRole(caller, role) && !HasRole(caller, "admin")) {
    return Error(v1::PERMISSION_MISSING,
                 absl::StrCat("reviewers of ", request.name(), " need the role ", role),
                 {{"role", role}, {"resource", request.name()}});
  }
  return absl::OkStatus();
}

void AddReview(Change& change, ChangeRequest& request, Review::Verdict verdict,
               const std::string& text) {
  Review& review = *request.add_reviews();
  review.set_reviewer(change.actor.name);
  review.set_verdict(verdict);
  review.set_text(text);
  review.set_plan_digest(request.plan_digest());
  *review.mutable_create_time() = ToProto(change.now);
}

absl::StatusOr<StackRecord> StackOf(Change& change, const ChangeRequest& request) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("stack", request.stack()));
  return LockStack(change, name);
}

// A request, locked after its stack: who locks both does it in this order.
absl::StatusOr<ChangeRequest> LockRequest(Change& change, const std::string& name) {
  ASSIGN_OR_RETURN(const ChangeRequest request, FindChangeRequest(change.sql, name));
  if (!request.stack().empty()) RETURN_IF_ERROR(StackOf(change, request).status());
  return LockChangeRequest(change, name);
}

// Ends a request with a no, and what it was for with it.
absl::Status Close(Change& change, ChangeRequest& request, ChangeRequest::State state,
                   const std::string& message) {
  RETURN_IF_ERROR(CloseRequest(change, request, state, message));
  if (request.stack().empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(StackRecord record, StackOf(change, request));
  if (request.type() == ChangeRequest::DESTROY || request.type() == ChangeRequest::EXTENSION) {
    return OnWaitingRefused(change, record, request, message);
  }
  if (record.stack().change_request() != request.name()) return absl::OkStatus();
  return GiveUp(change, record, ClosedError(request, message), true);
}

// The revision whose plan is reviewed.
absl::StatusOr<RevisionRecord> RevisionOf(Change& change, const StackRecord& record,
                                          const ChangeRequest& request) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("stack", request.stack()));
  return FindRevision(change.sql, name, record.stack().latest_revision());
}

// Where what is reviewed is no longer what there is, asks anew: the request is STALE then.
absl::Status AskAnewIfStale(Change& change, ChangeRequest& request) {
  if (request.stack().empty() || request.type() == ChangeRequest::EXTENSION) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(StackRecord record, StackOf(change, request));
  if (request.type() == ChangeRequest::DESTROY) {
    if (!IsStateStale(record, request)) return absl::OkStatus();
    return AskDestroyAgain(change, record, request);
  }
  ASSIGN_OR_RETURN(const RevisionRecord revision, RevisionOf(change, record, request));
  const v1::Plan& plan = revision.revision().plan();
  if (plan.digest() != request.plan_digest()) {
    return Error(v1::PLAN_STALE, "the stack changed since the plan was made",
                 {{"resource", request.name()}});
  }
  // Terraform refuses a plan of an older state.
  if (plan.state_serial() == record.state_serial()) return absl::OkStatus();
  const std::string why = "the state changed since the plan was made";
  RETURN_IF_ERROR(CloseRequest(change, request, ChangeRequest::STALE,
                               absl::StrCat(why, "; it is planned and asked again")));
  return PlanAgain(change, record, why);
}

// Enough reviewers said yes: goes on with what it is for.
absl::Status CarryOut(Change& change, const ChangeRequest& request) {
  if (request.type() == ChangeRequest::QUOTA) {
    OnQuotaApproved(change, request);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(StackRecord record, StackOf(change, request));
  switch (request.type()) {
    case ChangeRequest::DESTROY:
      return OnDestroyApproved(change, record);
    case ChangeRequest::EXTENSION:
      return OnExtensionApproved(change, record, request);
    default: {
      ASSIGN_OR_RETURN(RevisionRecord revision, RevisionOf(change, record, request));
      return Begin(change, record, revision);
    }
  }
}

absl::StatusOr<int> CountApprovals(const ChangeRequest& request) {
  std::set<std::string> reviewers;
  for (const Review& review : request.reviews()) {
    if (review.verdict() == Review::APPROVE && review.plan_digest() == request.plan_digest()) {
      reviewers.insert(review.reviewer());
    }
  }
  return static_cast<int>(reviewers.size());
}

absl::Status CheckText(std::string_view field, const std::string& text) {
  if (text.size() <= kMostText) return absl::OkStatus();
  return InvalidField(field, absl::StrCat("must have at most ", kMostText, " characters"));
}

// Runs an edit of a locked request, once per request_id.
template <typename Request>
absl::StatusOr<ChangeRequest> Edit(
    Store& store, const Principal& caller, const Request& sent, const std::string& etag,
    const std::function<absl::Status(Change&, ChangeRequest&)>& body) {
  return store.WriteValue<ChangeRequest>(
      ActorOf(caller), [&](Change& change) -> absl::StatusOr<ChangeRequest> {
        ChangeRequest request;
        RETURN_IF_ERROR(Once(change, sent.request_id(), Request::descriptor()->full_name(), sent,
                             request, [&]() -> absl::Status {
                               ASSIGN_OR_RETURN(request, LockRequest(change, sent.name()));
                               RETURN_IF_ERROR(CheckEtag(etag, request.etag(), request.name()));
                               return body(change, request);
                             }));
        return request;
      });
}

}  // namespace

absl::StatusOr<ChangeRequest> Reviews::Get(const v1::GetChangeRequestRequest& request) {
  return store_.ReadValue<ChangeRequest>(
      [&](soci::session& sql) { return FindChangeRequest(sql, request.name()); });
}

absl::StatusOr<v1::ListChangeRequestsResponse> Reviews::List(
    const Principal& caller, const v1::ListChangeRequestsRequest& request) {
  ASSIGN_OR_RETURN(const auto parts, ParseName("parent", request.parent(), "projects/*"));
  ASSIGN_OR_RETURN(const Listing listing,
                   ReadListing<ChangeRequest>(request, request.parent(), request.order_by(),
                                              "create_time desc"));
  return store_.ReadValue<v1::ListChangeRequestsResponse>(
      [&](soci::session& sql) -> absl::StatusOr<v1::ListChangeRequestsResponse> {
        ASSIGN_OR_RETURN(
            auto rows,
            ListChangeRequests(
                sql, parts[0] == "-" ? "" : parts[0], listing.page, [&](const ChangeRequest& one) {
                  const auto name = ParseName("name", one.name(), "projects/*/changeRequests/*");
                  return name.ok() && MaySee(caller, (*name)[0]) && listing.filter.Matches(one);
                }));
        v1::ListChangeRequestsResponse response;
        response.mutable_change_requests()->Assign(rows.items.begin(), rows.items.end());
        response.set_next_page_token(listing.Token(rows.next));
        return response;
      });
}

absl::StatusOr<ChangeRequest> Reviews::Approve(const Principal& caller,
                                               const v1::ApproveChangeRequestRequest& sent) {
  RETURN_IF_ERROR(CheckText("comment", sent.comment()));
  ASSIGN_OR_RETURN(
      const ChangeRequest decided,
      Edit(store_, caller, sent, sent.etag(),
           [&](Change& change, ChangeRequest& request) -> absl::Status {
             RETURN_IF_ERROR(CheckOpen(request, change.now));
             RETURN_IF_ERROR(CheckReviewer(caller, request));
             if (!request.plan_digest().empty() && sent.plan_digest().empty()) {
               return InvalidField("plan_digest",
                                   "is missing: approve the plan that the request shows");
             }
             if (sent.plan_digest() != request.plan_digest()) {
               return Error(v1::PLAN_STALE, "the plan that you read is not the one under review",
                            {{"resource", request.name()}, {"plan_digest", request.plan_digest()}});
             }
             RETURN_IF_ERROR(AskAnewIfStale(change, request));
             if (request.state() == ChangeRequest::STALE) return absl::OkStatus();
             AddReview(change, request, Review::APPROVE, sent.comment());
             ASSIGN_OR_RETURN(const int approvals, CountApprovals(request));
             const std::string message =
                 absl::StrCat("approved by ", caller.user(), ": ", approvals, " of ",
                              request.policy().required_approvals(), " approvals");
             if (approvals < request.policy().required_approvals()) {
               RETURN_IF_ERROR(SaveChangeRequest(change, request));
               return RecordRequest(change, request, "reviewed", message);
             }
             RETURN_IF_ERROR(CloseRequest(change, request, ChangeRequest::APPROVED, message));
             return CarryOut(change, request);
           }));
  // That it is asked anew is written; the approval is not.
  if (decided.state() == ChangeRequest::STALE) return StaleError(decided);
  return decided;
}

absl::StatusOr<ChangeRequest> Reviews::Reject(const Principal& caller,
                                              const v1::RejectChangeRequestRequest& sent) {
  if (sent.reason().empty()) return InvalidField("reason", "is missing: the requester reads it");
  RETURN_IF_ERROR(CheckText("reason", sent.reason()));
  return Edit(store_, caller, sent, sent.etag(),
              [&](Change& change, ChangeRequest& request) -> absl::Status {
                RETURN_IF_ERROR(CheckOpen(request, change.now));
                RETURN_IF_ERROR(CheckReviewer(caller, request));
                AddReview(change, request, Review::REJECT, sent.reason());
                return Close(change, request, ChangeRequest::REJECTED,
                             absl::StrCat("rejected by ", caller.user(), ": ", sent.reason()));
              });
}

absl::StatusOr<ChangeRequest> Reviews::Withdraw(const Principal& caller,
                                                const v1::WithdrawChangeRequestRequest& sent) {
  return Edit(store_, caller, sent, sent.etag(),
              [&](Change& change, ChangeRequest& request) -> absl::Status {
                RETURN_IF_ERROR(CheckOpen(request, change.now));
                if (caller.user() != request.requester()) {
                  return Error(v1::PERMISSION_MISSING, "only the requester withdraws a request",
                               {{"resource", request.name()}});
                }
                return Close(change, request, ChangeRequest::WITHDRAWN,
                             absl::StrCat("withdrawn by ", caller.user()));
              });
}

absl::StatusOr<ChangeRequest> Reviews::Comment(const Principal& caller,
                                               const v1::CommentChangeRequestRequest& sent) {
  if (sent.text().empty()) return InvalidField("text", "is missing");
  RETURN_IF_ERROR(CheckText("text", sent.text()));
  return Edit(store_, caller, sent, "",
              [&](Change& change, ChangeRequest& request) -> absl::Status {
                AddReview(change, request, Review::COMMENT, sent.text());
                RETURN_IF_ERROR(SaveChangeRequest(change, request));
                return RecordRequest(change, request, "commented", sent.text());
              });
}

absl::Status AskAnew(Change& change, const StackRecord& record) {
  if (record.stack().change_request().empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(ChangeRequest request,
                   LockChangeRequest(change, record.stack().change_request()));
  if (request.state() == ChangeRequest::PENDING) return AskAnewIfStale(change, request);
  if (record.stack().state() != v1::Stack::AWAITING_APPROVAL) return absl::OkStatus();
  // Approved, and booked ahead.
  ASSIGN_OR_RETURN(StackRecord booked, StackOf(change, request));
  ForgetBooking(change, booked);
  return PlanAgain(change, booked, "the state changed since the plan was made");
}

absl::Status WithdrawRequest(Change& change, const std::string& name, const std::string& message) {
  ASSIGN_OR_RETURN(ChangeRequest request, LockRequest(change, name));
  RETURN_IF_ERROR(CheckOpen(request, change.now));
  return Close(change, request, ChangeRequest::WITHDRAWN, message);
}

absl::Status ExpireRequest(Change& change, const std::string& name) {
  ASSIGN_OR_RETURN(ChangeRequest request, LockRequest(change, name));
  if (request.state() != ChangeRequest::PENDING) return absl::OkStatus();
  return Close(change, request, ChangeRequest::EXPIRED, "nobody answered the request in time");
}

}  // namespace stackyard::stacks
