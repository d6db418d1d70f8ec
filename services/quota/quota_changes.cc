#include "services/quota/quota_changes.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/id.h"
#include "common/resource_name.h"
#include "common/sql.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "services/quota/fields.h"

namespace stackyard::quota {
namespace {

using internal::v1::ApplyQuotaChangeRequest;
using internal::v1::ApplyQuotaChangeResponse;

// Whom the marks of applied change requests belong to among the replays; no user has this name.
constexpr char kMarks[] = "changeRequests";

// Marks are kept as long as times go: a task of stacks may come again after any outage.
absl::Time Never() { return absl::FromCivil(absl::CivilYear(9999), absl::UTCTimeZone()); }

// A change as it was asked for.
struct Wish {
  std::string project;
  // Last part of the change request's name; empty in a trial.
  std::string number;
  Level level;
  int64_t amount = 0;
  // Set for a grant.
  std::optional<Window> window;
};

Wish Read(const ApplyQuotaChangeRequest& request, Tx& tx, absl::Time now, Violations& violations) {
  Wish wish;
  if (const auto full = ParseName("name", request.name(), "projects/*/changeRequests/*");
      full.ok()) {
    wish.project = (*full)[0];
    wish.number = (*full)[1];
  } else if (request.validate_only()) {
    wish.project = ReadProject("name", request.name(), violations);
  } else {
    Merge(full.status(), violations);
  }
  wish.level = {request.amount().metric(), request.user()};
  wish.amount = request.amount().value();
  if (tx.AllMetricIds().count(wish.level.metric) == 0) {
    violations.Add("amount.metric", absl::StrCat("`", wish.level.metric, "` is not a metric"));
  }
  if (wish.amount <= 0) violations.Add("amount.value", "must be over 0");
  if (!wish.level.user.empty() && !IsUserId(wish.level.user)) violations.Add("user", kUserIdRule);
  CheckText("reason", request.reason(), 1000, violations);
  if (!request.has_end_time()) {
    if (request.has_start_time()) violations.Add("end_time", "is required with start_time");
    return wish;
  }
  Window window;
  window.start = ReadTime("start_time", request.has_start_time() ? &request.start_time() : nullptr,
                          now, violations);
  window.end = ReadTime("end_time", &request.end_time(), now, violations);
  if (window.end <= std::max(window.start, now)) {
    violations.Add("end_time", "must be after start_time and in the future");
  }
  wish.window = window;
  return wish;
}

// The limit in force for good; nothing for a user who has none.
std::optional<int64_t> Current(Tx& tx, const Wish& wish) {
  LimitRow row{wish.project, wish.level, 0, absl::InfinitePast()};
  if (const auto own = tx.FindLimit(wish.project, row.id())) return own->value;
  if (!wish.level.user.empty()) {
    row.level.user = std::string(kEachUser);
    const auto each = tx.FindLimit(wish.project, row.id());
    return each ? std::optional<int64_t>(each->value) : std::nullopt;
  }
  for (const v1::Metric& metric : tx.ListMetrics("", std::numeric_limits<int>::max())) {
    if (metric.name() == absl::StrCat("metrics/", wish.level.metric)) return metric.default_limit();
  }
  return 0;
}

absl::StatusOr<ApplyQuotaChangeResponse> CarryOut(Tx& tx, const ApplyQuotaChangeRequest& request,
                                                  const Wish& wish, absl::Time now) {
  const std::optional<int64_t> current = Current(tx, wish);
  if (!current) {
    return InvalidField("user",
                        absl::StrCat(wish.level.user, " has no limit of ", wish.level.metric,
                                     " of their own: ask for the project"));
  }
  if (wish.amount > std::numeric_limits<int64_t>::max() - *current) {
    return InvalidField("amount.value",
                        absl::StrCat("is too large on top of a limit of ", *current));
  }
  ApplyQuotaChangeResponse answer;
  if (wish.window) {
    GrantRow row;
    row.project = wish.project;
    row.id = absl::StrCat("change-request-", wish.number);
    row.grant = {wish.level, {*wish.window, wish.amount}};
    row.reason = request.reason();
    row.change_request = request.name();
    row.create_time = now;
    answer.set_resource(absl::StrCat("projects/", row.project, "/quota/grants/", row.id));
    answer.set_value(wish.amount);
    // Somebody took the name by hand: the change is not theirs.
    if (!request.validate_only() && !tx.InsertGrant(row)) return Exists(answer.resource());
    return answer;
  }
  const LimitRow row{wish.project, wish.level, *current + wish.amount, now};
  answer.set_resource(absl::StrCat("projects/", row.project, "/quota/limits/", row.id()));
  answer.set_value(row.value);
  if (!request.validate_only()) tx.PutLimit(row);
  return answer;
}

}  // namespace

absl::StatusOr<ApplyQuotaChangeResponse> QuotaChanges::Apply(
    const ApplyQuotaChangeRequest& request) {
  const auto apply = [&](Tx& tx) -> absl::StatusOr<ApplyQuotaChangeResponse> {
    const absl::Time now = Now(clock_);
    const std::string fingerprint = Sha256Hex(request.SerializeAsString());
    if (!request.validate_only()) {
      if (const auto mark = tx.FindReplay(kMarks, request.name(), now)) {
        if (mark->fingerprint != fingerprint) {
          return Error(v1::REQUEST_ID_REUSED,
                       absl::StrCat(request.name(), " was applied with another content"));
        }
        ApplyQuotaChangeResponse first;
        RETURN_IF_ERROR(Unpack(mark->answer, first));
        return first;
      }
    }
    Violations violations;
    const Wish wish = Read(request, tx, now, violations);
    RETURN_IF_ERROR(violations.ToStatus());
    if (request.validate_only()) return CarryOut(tx, request, wish, now);
    // Taken first: a twin waits here, and undone and tried again finds this one's answer.
    if (!tx.InsertReplay(kMarks, request.name(), fingerprint, Never())) {
      return absl::AbortedError("the same change request at the same time");
    }
    tx.LockProjects({wish.project});
    ASSIGN_OR_RETURN(const ApplyQuotaChangeResponse answer, CarryOut(tx, request, wish, now));
    tx.LogLimits({wish.project, wish.level.metric});
    tx.SetReplayAnswer(kMarks, request.name(), Pack(answer));
    return answer;
  };
  if (request.validate_only()) return store_.Read<ApplyQuotaChangeResponse>(apply);
  return store_.Write<ApplyQuotaChangeResponse>(apply);
}

}  // namespace stackyard::quota
