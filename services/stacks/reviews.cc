#include "services/stacks/reviews.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "common/proto_time.h"
#include "common/resource_name.h"
#include "common/status.h"
#include "services/stacks/change_request_store.h"
#include "services/stacks/events.h"
#include "services/stacks/flow.h"
#include "services/stacks/listing.h"
#include "services/stacks/task_store.h"

namespace stackyard::stacks {
namespace {

using v1::ChangeRequest;
using v1::Review;

constexpr size_t kMostText = 4000;

absl::Status CheckOpen(const ChangeRequest& request) {
  if (request.state() == ChangeRequest::PENDING) return absl::OkStatus();
  return Error(
      v1::REQUEST_CLOSED,
      absl::StrCat(request.name(), " is ", ChangeRequest::State_Name(request.state())),
      {{"resource", request.name()}, {"state", ChangeRequest::State_Name(request.state())}});
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

absl::Status Record(Change& change, const ChangeRequest& request, const std::string& type,
                    const std::string& message) {
  ASSIGN_OR_RETURN(const auto parts,
                   ParseName("name", request.name(), "projects/*/changeRequests/*"));
  v1::Event event;
  event.set_type(absl::StrCat("changeRequest.", type));
  event.set_resource(request.name());
  event.set_message(message);
  return AppendEvent(change, parts[0], event);
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

// Ends a request with a no, and the change with it.
absl::Status Close(Change& change, ChangeRequest& request, ChangeRequest::State state,
                   const std::string& type, const std::string& message) {
  request.set_state(state);
  RETURN_IF_ERROR(SaveChangeRequest(change, request));
  DropTask(change, absl::StrCat("expire/", request.name()));
  RETURN_IF_ERROR(Record(change, request, type, message));
  ASSIGN_OR_RETURN(StackRecord record, StackOf(change, request));
  if (record.stack().change_request() != request.name()) return absl::OkStatus();
  return GiveUp(change, record,
                Error(v1::REQUEST_CLOSED, message,
                      {{"resource", request.name()}, {"state", ChangeRequest::State_Name(state)}}),
                true);
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
  return Edit(
      store_, caller, sent, sent.etag(),
      [&](Change& change, ChangeRequest& request) -> absl::Status {
        RETURN_IF_ERROR(CheckOpen(request));
        RETURN_IF_ERROR(CheckReviewer(caller, request));
        if (!request.plan_digest().empty() && sent.plan_digest().empty()) {
          return InvalidField("plan_digest", "is missing: approve the plan that the request shows");
        }
        if (sent.plan_digest() != request.plan_digest()) {
          return Error(v1::PLAN_STALE, "the plan that you read is not the one under review",
                       {{"resource", request.name()}, {"plan_digest", request.plan_digest()}});
        }
        AddReview(change, request, Review::APPROVE, sent.comment());
        ASSIGN_OR_RETURN(const int approvals, CountApprovals(request));
        const bool enough = approvals >= request.policy().required_approvals();
        if (enough) {
          request.set_state(ChangeRequest::APPROVED);
          DropTask(change, absl::StrCat("expire/", request.name()));
        }
        RETURN_IF_ERROR(SaveChangeRequest(change, request));
        RETURN_IF_ERROR(Record(
            change, request, "approved",
            absl::StrCat(approvals, " of ", request.policy().required_approvals(), " approvals")));
        if (!enough) return absl::OkStatus();
        ASSIGN_OR_RETURN(StackRecord record, StackOf(change, request));
        ASSIGN_OR_RETURN(const StackName name, StackName::Parse("stack", request.stack()));
        ASSIGN_OR_RETURN(RevisionRecord revision,
                         FindRevision(change.sql, name, record.stack().latest_revision()));
        if (revision.revision().plan().digest() != request.plan_digest()) {
          return Error(v1::PLAN_STALE, "the stack changed since the plan was made",
                       {{"resource", request.name()}});
        }
        return StartApply(change, record, revision);
      });
}

absl::StatusOr<ChangeRequest> Reviews::Reject(const Principal& caller,
                                              const v1::RejectChangeRequestRequest& sent) {
  if (sent.reason().empty()) return InvalidField("reason", "is missing: the requester reads it");
  RETURN_IF_ERROR(CheckText("reason", sent.reason()));
  return Edit(store_, caller, sent, sent.etag(),
              [&](Change& change, ChangeRequest& request) -> absl::Status {
                RETURN_IF_ERROR(CheckOpen(request));
                RETURN_IF_ERROR(CheckReviewer(caller, request));
                AddReview(change, request, Review::REJECT, sent.reason());
                return Close(change, request, ChangeRequest::REJECTED, "rejected",
                             absl::StrCat("rejected by ", caller.user(), ": ", sent.reason()));
              });
}

absl::StatusOr<ChangeRequest> Reviews::Withdraw(const Principal& caller,
                                                const v1::WithdrawChangeRequestRequest& sent) {
  return Edit(store_, caller, sent, sent.etag(),
              [&](Change& change, ChangeRequest& request) -> absl::Status {
                RETURN_IF_ERROR(CheckOpen(request));
                if (caller.user() != request.requester()) {
                  return Error(v1::PERMISSION_MISSING, "only the requester withdraws a request",
                               {{"resource", request.name()}});
                }
                return Close(change, request, ChangeRequest::WITHDRAWN, "withdrawn",
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
                return Record(change, request, "commented", sent.text());
              });
}

absl::Status WithdrawRequest(Change& change, const std::string& name, const std::string& message) {
  ASSIGN_OR_RETURN(ChangeRequest request, LockRequest(change, name));
  RETURN_IF_ERROR(CheckOpen(request));
  return Close(change, request, ChangeRequest::WITHDRAWN, "withdrawn", message);
}

absl::Status ExpireRequest(Change& change, const std::string& name) {
  ASSIGN_OR_RETURN(ChangeRequest request, LockRequest(change, name));
  if (request.state() != ChangeRequest::PENDING) return absl::OkStatus();
  return Close(change, request, ChangeRequest::EXPIRED, "expired",
               "nobody answered the request in time");
}

}  // namespace stackyard::stacks
