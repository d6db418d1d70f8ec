#include "services/quota/limits.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/id.h"
#include "common/proto_time.h"
#include "common/resource_name.h"
#include "common/status_macros.h"

namespace stackyard::quota {
namespace {

using google::protobuf::Empty;

constexpr absl::Duration kRemembered = absl::Hours(24);

// Short digest of a row as people see it.
std::string Etag(const google::protobuf::MessageLite& row) {
  return Sha256Hex(row.SerializeAsString()).substr(0, 16);
}

absl::Status CheckEtag(std::string_view sent, std::string_view current) {
  if (sent.empty() || sent == current) return absl::OkStatus();
  return Error(v1::ETAG_MISMATCH, "the etag is not the current one; read it again");
}

v1::QuotaLimit ToProto(const LimitRow& row) {
  v1::QuotaLimit limit;
  limit.set_name(absl::StrCat("projects/", row.project, "/quota/limits/", row.id()));
  limit.set_metric(row.level.metric);
  limit.set_user(row.level.user);
  limit.set_value(row.value);
  *limit.mutable_update_time() = stackyard::ToProto(row.update_time);
  limit.set_etag(Etag(limit));
  return limit;
}

v1::QuotaGrant ToProto(const GrantRow& row) {
  v1::QuotaGrant grant;
  grant.set_name(absl::StrCat("projects/", row.project, "/quota/grants/", row.id));
  grant.mutable_amount()->set_metric(row.grant.level.metric);
  grant.mutable_amount()->set_value(row.grant.span.amount);
  grant.set_user(row.grant.level.user);
  *grant.mutable_start_time() = stackyard::ToProto(row.grant.span.window.start);
  *grant.mutable_end_time() = stackyard::ToProto(row.grant.span.window.end);
  grant.set_reason(row.reason);
  grant.set_change_request(row.change_request);
  *grant.mutable_create_time() = stackyard::ToProto(row.create_time);
  grant.set_etag(Etag(grant));
  return grant;
}

// `{metric}` or `{metric}:{user}`, where the user may be `-`.
Level ReadLevel(std::string_view field, const std::string& id, Violations& violations) {
  const size_t colon = id.find(':');
  Level level{id.substr(0, colon), colon == std::string::npos ? "" : id.substr(colon + 1)};
  if (!IsMetricId(level.metric)) {
    violations.Add(field, absl::StrCat("the metric ", kMetricIdRule));
  }
  if (colon != std::string::npos && level.user != kEachUser && !IsUserId(level.user)) {
    violations.Add(field, absl::StrCat("the user ", kUserIdRule, ", or -"));
  }
  return level;
}

// A name that can be looked up.
absl::StatusOr<QuotaName> ReadName(const std::string& name, std::string_view collection) {
  Violations violations;
  const QuotaName parts = ReadQuotaName("name", name, collection, violations);
  RETURN_IF_ERROR(violations.ToStatus());
  return parts;
}

}  // namespace

template <typename Answer, typename Request>
absl::StatusOr<Answer> Limits::Once(const Request& request, const Principal& caller,
                                    const std::function<absl::StatusOr<Answer>(Tx&)>& body) {
  const std::string& id = request.request_id();
  if (id.empty()) return store_.Write<Answer>(body);
  Violations violations;
  CheckText("request_id", id, 128, violations);
  RETURN_IF_ERROR(violations.ToStatus());
  const std::string fingerprint = Sha256Hex(
      absl::StrCat(Request::descriptor()->full_name(), "\n", request.SerializeAsString()));
  return store_.Write<Answer>([&](Tx& tx) -> absl::StatusOr<Answer> {
    const absl::Time now = clock_.TimeNow();
    Answer answer;
    if (const auto replay = tx.FindReplay(caller.user(), id, now)) {
      if (replay->fingerprint != fingerprint) {
        return Error(v1::REQUEST_ID_REUSED, "the request_id was used with another request");
      }
      RETURN_IF_ERROR(Unpack(replay->answer, answer));
      return answer;
    }
    tx.DeleteReplays(now);
    // Taken first: a twin waits here, and undone and tried again finds this one's answer.
    if (!tx.InsertReplay(caller.user(), id, fingerprint, now + kRemembered)) {
      return absl::AbortedError("the same request_id at the same time");
    }
    ASSIGN_OR_RETURN(answer, body(tx));
    tx.SetReplayAnswer(caller.user(), id, Pack(answer));
    return answer;
  });
}

absl::StatusOr<v1::Metric> Limits::CreateMetric(const v1::CreateMetricRequest& request,
                                                const Principal& caller) {
  Violations violations;
  if (!IsMetricId(request.metric_id())) violations.Add("metric_id", kMetricIdRule);
  CheckText("metric.unit", request.metric().unit(), 40, violations);
  CheckText("metric.display_name", request.metric().display_name(), 100, violations);
  if (request.metric().default_limit() < 0) {
    violations.Add("metric.default_limit", "must be 0 or more");
  }
  RETURN_IF_ERROR(violations.ToStatus());
  v1::Metric metric = request.metric();
  metric.set_name(absl::StrCat("metrics/", request.metric_id()));
  return Once<v1::Metric>(request, caller, [&](Tx& tx) -> absl::StatusOr<v1::Metric> {
    if (!tx.InsertMetric(metric)) return Exists(metric.name());
    return metric;
  });
}

absl::StatusOr<v1::ListMetricsResponse> Limits::ListMetrics(const v1::ListMetricsRequest& request) {
  constexpr char kScope[] = "metrics";
  Violations violations;
  if (!request.filter().empty()) violations.Add("filter", "filtering is not built yet");
  if (!request.order_by().empty()) violations.Add("order_by", "ordering is not built yet");
  const absl::StatusOr<Page> page = ReadPage(request.page_size(), request.page_token(), kScope);
  Merge(page.status(), violations);
  RETURN_IF_ERROR(violations.ToStatus());
  return store_.Read<v1::ListMetricsResponse>([&](Tx& tx) {
    v1::ListMetricsResponse answer;
    std::vector<v1::Metric> metrics = tx.ListMetrics(page->after, page->size + 1);
    if (static_cast<int>(metrics.size()) > page->size) {
      metrics.pop_back();
      answer.set_next_page_token(
          PageToken(metrics.back().name().substr(sizeof("metrics/") - 1), kScope));
    }
    for (v1::Metric& metric : metrics) *answer.add_metrics() = std::move(metric);
    return answer;
  });
}

absl::StatusOr<v1::QuotaLimit> Limits::Set(const v1::SetQuotaLimitRequest& request,
                                           const Principal& caller) {
  return Once<v1::QuotaLimit>(request, caller, [&](Tx& tx) -> absl::StatusOr<v1::QuotaLimit> {
    const v1::QuotaLimit& asked = request.quota_limit();
    Violations violations;
    const QuotaName name = ReadQuotaName("quota_limit.name", asked.name(), "limits", violations);
    LimitRow row{name.project, {}, asked.value(), absl::InfinitePast()};
    if (!name.id.empty()) row.level = ReadLevel("quota_limit.name", name.id, violations);
    if (IsMetricId(row.level.metric) && tx.AllMetricIds().count(row.level.metric) == 0) {
      violations.Add("quota_limit.name", absl::StrCat("`", row.level.metric, "` is not a metric"));
    }
    if (row.value < 0) violations.Add("quota_limit.value", "must be 0 or more");
    RETURN_IF_ERROR(violations.ToStatus());

    tx.LockProjects({name.project});
    const std::optional<LimitRow> before = tx.FindLimit(name.project, name.id);
    RETURN_IF_ERROR(CheckEtag(asked.etag(), before ? ToProto(*before).etag() : ""));
    row.update_time = Now(clock_);
    tx.PutLimit(row);
    tx.LogLimits({name.project, row.level.metric});
    return ToProto(row);
  });
}

absl::StatusOr<v1::QuotaLimit> Limits::Get(const v1::GetQuotaLimitRequest& request) {
  ASSIGN_OR_RETURN(const QuotaName name, ReadName(request.name(), "limits"));
  return store_.Read<v1::QuotaLimit>([&](Tx& tx) -> absl::StatusOr<v1::QuotaLimit> {
    const std::optional<LimitRow> row = tx.FindLimit(name.project, name.id);
    if (!row) return NotFound(request.name());
    return ToProto(*row);
  });
}

absl::StatusOr<v1::ListQuotaLimitsResponse> Limits::List(const v1::ListQuotaLimitsRequest& request,
                                                         const Principal& caller) {
  ASSIGN_OR_RETURN(const ListQuestion question, ReadList(request, caller));
  return store_.Read<v1::ListQuotaLimitsResponse>([&](Tx& tx) {
    std::vector<LimitRow> rows = tx.ListLimits(question.listing);
    v1::ListQuotaLimitsResponse answer;
    answer.set_next_page_token(question.Cut(rows));
    for (const LimitRow& row : rows) *answer.add_quota_limits() = ToProto(row);
    return answer;
  });
}

absl::StatusOr<Empty> Limits::Delete(const v1::DeleteQuotaLimitRequest& request,
                                     const Principal& caller) {
  ASSIGN_OR_RETURN(const QuotaName name, ReadName(request.name(), "limits"));
  return Once<Empty>(request, caller, [&](Tx& tx) -> absl::StatusOr<Empty> {
    tx.LockProjects({name.project});
    const std::optional<LimitRow> row = tx.FindLimit(name.project, name.id);
    if (!row) return NotFound(request.name());
    RETURN_IF_ERROR(CheckEtag(request.etag(), ToProto(*row).etag()));
    tx.DeleteLimit(name.project, name.id);
    tx.LogLimits({name.project, row->level.metric});
    return Empty();
  });
}

absl::StatusOr<v1::QuotaGrant> Limits::CreateGrant(const v1::CreateQuotaGrantRequest& request,
                                                   const Principal& caller) {
  const auto create = [&](Tx& tx) -> absl::StatusOr<v1::QuotaGrant> {
    const v1::QuotaGrant& asked = request.quota_grant();
    const absl::Time now = Now(clock_);
    Violations violations;
    GrantRow row;
    row.project = ReadProject("parent", request.parent(), violations);
    row.id = request.quota_grant_id().empty() ? RandomId() : request.quota_grant_id();
    if (!IsResourceId(row.id)) violations.Add("quota_grant_id", kResourceIdRule);
    row.grant.level = {asked.amount().metric(), asked.user()};
    if (tx.AllMetricIds().count(asked.amount().metric()) == 0) {
      violations.Add("quota_grant.amount.metric",
                     absl::StrCat("`", asked.amount().metric(), "` is not a metric"));
    }
    row.grant.span.amount = asked.amount().value();
    if (row.grant.span.amount <= 0) violations.Add("quota_grant.amount.value", "must be over 0");
    if (!asked.user().empty() && !IsUserId(asked.user())) {
      violations.Add("quota_grant.user", kUserIdRule);
    }
    Window& window = row.grant.span.window;
    window.start =
        ReadTime("quota_grant.start_time", asked.has_start_time() ? &asked.start_time() : nullptr,
                 now, violations);
    window.end = ReadTime("quota_grant.end_time", &asked.end_time(), now, violations);
    if (!asked.has_end_time()) {
      violations.Add("quota_grant.end_time", "is required");
    } else if (window.end <= std::max(window.start, now)) {
      violations.Add("quota_grant.end_time", "must be after start_time and in the future");
    }
    row.reason = asked.reason();
    CheckText("quota_grant.reason", row.reason, 1000, violations);
    row.change_request = asked.change_request();
    CheckText("quota_grant.change_request", row.change_request, 300, violations);
    RETURN_IF_ERROR(violations.ToStatus());

    row.create_time = now;
    const v1::QuotaGrant answer = ToProto(row);
    if (request.validate_only()) {
      if (tx.FindGrant(row.project, row.id)) return Exists(answer.name());
      return answer;
    }
    tx.LockProjects({row.project});
    if (!tx.InsertGrant(row)) return Exists(answer.name());
    tx.LogLimits({row.project, row.grant.level.metric});
    return answer;
  };
  if (request.validate_only()) return store_.Read<v1::QuotaGrant>(create);
  return Once<v1::QuotaGrant>(request, caller, create);
}

absl::StatusOr<v1::QuotaGrant> Limits::GetGrant(const v1::GetQuotaGrantRequest& request) {
  ASSIGN_OR_RETURN(const QuotaName name, ReadName(request.name(), "grants"));
  return store_.Read<v1::QuotaGrant>([&](Tx& tx) -> absl::StatusOr<v1::QuotaGrant> {
    const std::optional<GrantRow> row = tx.FindGrant(name.project, name.id);
    if (!row) return NotFound(request.name());
    return ToProto(*row);
  });
}

absl::StatusOr<v1::ListQuotaGrantsResponse> Limits::ListGrants(
    const v1::ListQuotaGrantsRequest& request, const Principal& caller) {
  ASSIGN_OR_RETURN(const ListQuestion question, ReadList(request, caller));
  return store_.Read<v1::ListQuotaGrantsResponse>([&](Tx& tx) {
    std::vector<GrantRow> rows = tx.ListGrants(question.listing);
    v1::ListQuotaGrantsResponse answer;
    answer.set_next_page_token(question.Cut(rows));
    for (const GrantRow& row : rows) *answer.add_quota_grants() = ToProto(row);
    return answer;
  });
}

absl::StatusOr<Empty> Limits::DeleteGrant(const v1::DeleteQuotaGrantRequest& request,
                                          const Principal& caller) {
  ASSIGN_OR_RETURN(const QuotaName name, ReadName(request.name(), "grants"));
  return Once<Empty>(request, caller, [&](Tx& tx) -> absl::StatusOr<Empty> {
    tx.LockProjects({name.project});
    const std::optional<GrantRow> row = tx.FindGrant(name.project, name.id);
    if (!row) return NotFound(request.name());
    RETURN_IF_ERROR(CheckEtag(request.etag(), ToProto(*row).etag()));
    tx.DeleteGrant(name.project, name.id);
    tx.LogLimits({name.project, row->grant.level.metric});
    return Empty();
  });
}

}  // namespace stackyard::quota
