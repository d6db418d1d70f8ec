#include "services/stacks/quota_requests.h"

#include "absl/strings/str_cat.h"
#include "common/proto_time.h"
#include "common/resource_name.h"
#include "common/status.h"
#include "services/stacks/catalog_store.h"
#include "services/stacks/change_request_store.h"
#include "services/stacks/rows.h"

namespace stackyard::stacks {
namespace {

using internal::v1::ApplyQuotaChangeRequest;

constexpr size_t kMostReason = 1000;

std::string Text(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%d %H:%M UTC", FromProto(time), absl::UTCTimeZone());
}

std::string Summarize(const v1::QuotaChange& asked) {
  std::string text = absl::StrCat(asked.amount().value(), " more ", asked.amount().metric());
  if (!asked.user().empty()) absl::StrAppend(&text, " for ", asked.user());
  if (!asked.has_end_time()) return absl::StrCat(text, " for good");
  return absl::StrCat(text, " from ", Text(asked.start_time()), " until ", Text(asked.end_time()));
}

// What quota is told, of the request or project `name`.
ApplyQuotaChangeRequest ToQuota(const std::string& name, const v1::QuotaChange& asked,
                                const std::string& reason) {
  ApplyQuotaChangeRequest request;
  request.set_name(name);
  *request.mutable_amount() = asked.amount();
  request.set_user(asked.user());
  if (asked.has_start_time()) *request.mutable_start_time() = asked.start_time();
  if (asked.has_end_time()) *request.mutable_end_time() = asked.end_time();
  request.set_reason(reason);
  return request;
}

// Adds what quota finds wrong, under the names of our fields.
void Merge(const absl::Status& status, Violations& violations) {
  google::rpc::BadRequest bad;
  ReadDetail(status, bad);
  for (const auto& violation : bad.field_violations()) {
    violations.Add(
        violation.field() == "name" ? "parent" : absl::StrCat("quota_change.", violation.field()),
        violation.description());
  }
}

}  // namespace

v1::ApprovalPolicy QuotaPolicy() {
  v1::ApprovalPolicy policy;
  policy.set_mode(v1::ApprovalPolicy::REQUIRED);
  policy.set_reviewer_role("devops");
  policy.set_required_approvals(1);
  *policy.mutable_expires_after() = ToProto(absl::Hours(7 * 24));
  return policy;
}

absl::StatusOr<ChangeRequest> QuotaRequests::Create(const Principal& caller,
                                                    const v1::CreateQuotaRequestRequest& sent) {
  Violations violations;
  const auto parent = ParseName("parent", sent.parent(), "projects/*");
  if (!parent.ok()) violations.Add("parent", "must look like projects/*");
  if (sent.reason().empty()) {
    violations.Add("reason", "is missing: reviewers read it");
  } else if (sent.reason().size() > kMostReason) {
    violations.Add("reason", absl::StrCat("must have at most ", kMostReason, " characters"));
  }
  if (!sent.has_quota_change()) violations.Add("quota_change", "is missing");
  ChangeRequest first;
  ASSIGN_OR_RETURN(const bool seen, IsReplay(store_, ActorOf(caller), sent.request_id(),
                                             "CreateQuotaRequest", sent, first));
  if (seen) return first;
  if (parent.ok() && sent.has_quota_change()) {
    // Quota knows metrics and limits. A trial changes nothing there.
    ApplyQuotaChangeRequest trial = ToQuota(sent.parent(), sent.quota_change(), "");
    trial.set_validate_only(true);
    const absl::Status tried = quota_.Apply(trial).status();
    if (!tried.ok() && ReasonOf(tried) != v1::INVALID_FIELD) return tried;
    Merge(tried, violations);
  }
  RETURN_IF_ERROR(violations.ToStatus());

  return store_.WriteValue<ChangeRequest>(
      ActorOf(caller), [&](Change& change) -> absl::StatusOr<ChangeRequest> {
        ChangeRequest request;
        RETURN_IF_ERROR(Once(
            change, sent.request_id(), "CreateQuotaRequest", sent, request, [&]() -> absl::Status {
              RETURN_IF_ERROR(FindProject(change.sql, (*parent)[0]).status());
              v1::QuotaChange& asked = *request.mutable_quota_change();
              asked = sent.quota_change();
              absl::Time latest = absl::InfiniteFuture();
              if (asked.has_end_time()) {
                latest = FromProto(asked.end_time());
                if (!asked.has_start_time()) *asked.mutable_start_time() = ToProto(change.now);
              }
              request.set_type(ChangeRequest::QUOTA);
              request.set_summary(Summarize(asked));
              request.set_requester(caller.user());
              request.set_reason(sent.reason());
              return OpenRequest(change, (*parent)[0], request, QuotaPolicy(), latest);
            }));
        return request;
      });
}

void OnQuotaApproved(Change& change, const ChangeRequest& request) {
  TaskRecord task;
  task.set_kind(TaskRecord::APPLY_QUOTA_CHANGE);
  task.set_change_request(request.name());
  AddTask(change, absl::StrCat("quota/", request.name()), task, change.now);
}

absl::Status ApplyQuotaChange(Store& store, QuotaChangeClient& quota, const DueTask& task) {
  const std::string& name = task.record.change_request();
  ASSIGN_OR_RETURN(const ChangeRequest approved,
                   store.ReadValue<ChangeRequest>(
                       [&](soci::session& sql) { return FindChangeRequest(sql, name); }));
  const auto applied = quota.Apply(ToQuota(name, approved.quota_change(), approved.reason()));
  const ErrorReason reason = ReasonOf(applied.status());
  const bool refused = reason == v1::INVALID_FIELD || reason == v1::RESOURCE_EXISTS ||
                       reason == v1::REQUEST_ID_REUSED;
  if (!applied.ok() && !refused) return applied.status();
  return store.Write(Actor(), [&](Change& change) -> absl::Status {
    if (!FinishTask(change, task)) return absl::OkStatus();
    ASSIGN_OR_RETURN(ChangeRequest request, LockChangeRequest(change, name));
    if (applied.ok()) {
      return RecordRequest(
          change, request, "applied",
          absl::StrCat(request.summary(), ": ", applied->resource(), " is ", applied->value()));
    }
    const std::string why =
        absl::StrCat("quota refused it: ", std::string(applied.status().message()));
    v1::Review& review = *request.add_reviews();
    review.set_reviewer(change.actor.name);
    review.set_verdict(v1::Review::COMMENT);
    review.set_text(why);
    *review.mutable_create_time() = ToProto(change.now);
    RETURN_IF_ERROR(SaveChangeRequest(change, request));
    return RecordRequest(change, request, "failed", why);
  });
}

}  // namespace stackyard::stacks
