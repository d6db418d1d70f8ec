#include <memory>

#include "absl/strings/str_cat.h"
#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/names.h"
#include "cli/plan_text.h"
#include "cli/text.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "google/protobuf/empty.pb.h"
#include "stackyard/v1/quota.pb.h"

namespace stackyard::cli {
namespace {

absl::Status Usage(Context& context, bool by_user) {
  v1::ListUsageRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), ProjectName(context.project()));
  request.set_by_user(by_user);
  return context.Show<v1::ListUsageResponse>(
      "QuotaService/ListUsage", request, [&](const v1::ListUsageResponse& response) {
        Table table({"METRIC", "USER", "USED", "PENDING", "LIMIT", "FREE", "UNIT", "NOTE"});
        for (const v1::Usage& usage : response.usage()) {
          const int64_t free = usage.limit() - usage.committed() - usage.pending();
          table.Add({usage.metric(), usage.user(), absl::StrCat(usage.committed()),
                     absl::StrCat(usage.pending()), absl::StrCat(usage.limit()),
                     absl::StrCat(std::max<int64_t>(free, 0)), usage.unit(),
                     usage.over_committed() ? "over-committed" : ""});
        }
        context.output().Show(table);
      });
}

absl::Status ListLimits(Context& context) {
  v1::ListQuotaLimitsRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), ProjectName(context.project()));
  v1::ListQuotaLimitsResponse response;
  RETURN_IF_ERROR(context.client().List("QuotaService/ListQuotaLimits", request, &response));
  return context.output().Write(response, [&] {
    Table table({"METRIC", "FOR", "LIMIT", "SET"});
    for (const v1::QuotaLimit& limit : response.quota_limits()) {
      table.Add({limit.metric(),
                 limit.user().empty()  ? "project"
                 : limit.user() == "-" ? "each user"
                                       : limit.user(),
                 absl::StrCat(limit.value()), Age(limit.update_time(), context.Now()) + " ago"});
    }
    context.output().Show(table);
  });
}

absl::StatusOr<std::string> LimitName(Context& context, const std::string& metric,
                                      const std::string& user) {
  ASSIGN_OR_RETURN(const std::string project, ProjectName(context.project()));
  return absl::StrCat(project, "/quota/limits/", metric, user.empty() ? "" : ":", user);
}

absl::Status SetLimit(Context& context, const std::string& metric, int64_t value,
                      const std::string& user) {
  v1::SetQuotaLimitRequest request;
  ASSIGN_OR_RETURN(*request.mutable_quota_limit()->mutable_name(),
                   LimitName(context, metric, user));
  request.mutable_quota_limit()->set_value(value);
  return context.Show<v1::QuotaLimit>(
      "QuotaService/SetQuotaLimit", request, [&](const v1::QuotaLimit& limit) {
        context.output().out() << limit.name() << " is " << limit.value() << "\n";
      });
}

absl::Status DeleteLimit(Context& context, const std::string& metric, const std::string& user) {
  v1::DeleteQuotaLimitRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), LimitName(context, metric, user));
  google::protobuf::Empty response;
  RETURN_IF_ERROR(context.client().Call("QuotaService/DeleteQuotaLimit", request, &response));
  context.Note(request.name() + " is gone; the metric's default holds");
  return absl::OkStatus();
}

absl::Status GetLimit(Context& context, const std::string& metric, const std::string& user) {
  v1::GetQuotaLimitRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), LimitName(context, metric, user));
  return context.Show<v1::QuotaLimit>("QuotaService/GetQuotaLimit", request,
                                      [&](const v1::QuotaLimit& limit) {
                                        Fields fields;
                                        fields.Add("Name", limit.name());
                                        fields.Add("Metric", limit.metric());
                                        fields.Add("User", limit.user());
                                        fields.Add("Limit", absl::StrCat(limit.value()));
                                        fields.Add("Set", TimeText(limit.update_time()));
                                        context.output().Show(fields);
                                      });
}

struct SeriesFlags {
  std::string metric, user, from, until;
};

absl::Status Series(Context& context, const SeriesFlags& flags) {
  v1::QueryUsageSeriesRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), ProjectName(context.project()));
  request.set_metric(flags.metric);
  request.set_user(flags.user);
  if (!flags.from.empty()) {
    ASSIGN_OR_RETURN(const absl::Time from, ReadTime("from", flags.from));
    *request.mutable_start_time() = ToProto(from);
  }
  if (!flags.until.empty()) {
    ASSIGN_OR_RETURN(const absl::Time until, ReadTime("until", flags.until));
    *request.mutable_end_time() = ToProto(until);
  }
  return context.Show<v1::QueryUsageSeriesResponse>(
      "QuotaService/QueryUsageSeries", request, [&](const v1::QueryUsageSeriesResponse& response) {
        Table table({"FROM", "USED", "LIMIT", "FREE"});
        for (const v1::UsagePoint& point : response.points()) {
          table.Add({TimeText(point.time()), absl::StrCat(point.used()),
                     absl::StrCat(point.limit()),
                     absl::StrCat(std::max<int64_t>(point.limit() - point.used(), 0))});
        }
        context.output().Show(table);
      });
}

absl::Status ListMetrics(Context& context) {
  v1::ListMetricsRequest request;
  v1::ListMetricsResponse response;
  RETURN_IF_ERROR(context.client().List("QuotaService/ListMetrics", request, &response));
  return context.output().Write(response, [&] {
    Table table({"METRIC", "UNIT", "DEFAULT LIMIT", "TITLE"});
    for (const v1::Metric& metric : response.metrics()) {
      table.Add({LastPart(metric.name()), metric.unit(), absl::StrCat(metric.default_limit()),
                 metric.display_name()});
    }
    context.output().Show(table);
  });
}

struct MetricFlags {
  std::string id, unit, title;
  int64_t default_limit = 0;
};

absl::Status CreateMetric(Context& context, const MetricFlags& flags) {
  v1::CreateMetricRequest request;
  request.set_metric_id(flags.id);
  request.mutable_metric()->set_unit(flags.unit);
  request.mutable_metric()->set_display_name(flags.title);
  request.mutable_metric()->set_default_limit(flags.default_limit);
  return context.Show<v1::Metric>(
      "QuotaService/CreateMetric", request,
      [&](const v1::Metric& metric) { context.output().out() << metric.name() << " created\n"; });
}

absl::Status Check(Context& context, const std::vector<std::string>& amounts,
                   const std::string& time, const std::string& user) {
  v1::CheckFitRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), ProjectName(context.project()));
  for (const std::string& text : amounts) {
    ASSIGN_OR_RETURN(*request.add_amounts(), ReadAmount("amount", text));
  }
  request.set_user(user);
  ASSIGN_OR_RETURN(const absl::Duration duration, ReadDuration("for", time));
  *request.mutable_end_time() = ToProto(context.Now() + duration);
  v1::CheckFitResponse response;
  RETURN_IF_ERROR(context.client().Call("QuotaService/CheckFit", request, &response));
  RETURN_IF_ERROR(context.output().Write(response, [&] {
    context.output().out() << (response.fits() ? "It fits.\n" : "It does not fit:\n")
                           << ShortfallsText(response.shortfalls());
  }));
  // Scripts look at the exit code.
  return response.fits() ? absl::OkStatus()
                         : Error(v1::QUOTA_EXCEEDED, "quota does not hold for it");
}

}  // namespace

void AddQuotaCommands(Command root, Context& context) {
  Command quota = root.Sub("quota", "What may be used, and what is");
  const auto text = std::make_shared<std::string>();
  const auto user = std::make_shared<std::string>();
  const auto value = std::make_shared<int64_t>(0);
  const auto by_user = std::make_shared<bool>(false);

  quota.Sub("usage", "Show what is allowed and used now, by metric")
      .Flag("--by-user", by_user.get(), "Each user's part too")
      .Run([&context, by_user] { return Usage(context, *by_user); });

  const auto series = std::make_shared<SeriesFlags>();
  quota.Sub("series", "Show what is booked and allowed of a metric over time")
      .Argument("METRIC", &series->metric, "Metric")
      .Option("--user", &series->user, "USER", "This user's part [the project's]")
      .Option("--from", &series->from, "TIME", "From when, like 2026-01-31 [now]")
      .Option("--until", &series->until, "TIME", "Until when [as far as anything is booked]")
      .Run([&context, series] { return Series(context, *series); });

  const auto amounts = std::make_shared<std::vector<std::string>>();
  quota.Sub("check", "Tell whether amounts would be admitted; takes nothing")
      .Arguments("METRIC=AMOUNT", amounts.get(), "What is wanted")
      .Option("--for", text.get(), "TIME", "How long it is wanted, like 72h")
      .Required()
      .Option("--user", user.get(), "USER", "Whose limits count as well")
      .Run([&context, amounts, text, user] { return Check(context, *amounts, *text, *user); });

  Command limits = quota.Sub("limits", "Limits that hold until they are changed");
  limits.Sub("list", "List the project's own limits").Run([&context] {
    return ListLimits(context);
  });
  limits.Sub("get", "Show a limit")
      .Argument("METRIC", text.get(), "Metric")
      .Option("--user", user.get(), "USER", "Of this user; - for each user [the project]")
      .Run([&context, text, user] { return GetLimit(context, *text, *user); });
  limits.Sub("set", "Set a limit")
      .Argument("METRIC", text.get(), "Metric")
      .Option("--value", value.get(), "AMOUNT", "The limit, 0 or more")
      .Required()
      .Option("--user", user.get(), "USER", "For this user; - for each user [the project]")
      .Run([&context, text, value, user] { return SetLimit(context, *text, *value, *user); });
  limits.Sub("delete", "Go back to the metric's default")
      .Argument("METRIC", text.get(), "Metric")
      .Option("--user", user.get(), "USER", "Of this user; - for each user [the project]")
      .Run([&context, text, user] { return DeleteLimit(context, *text, *user); });

  Command metrics = quota.Sub("metrics", "What is counted");
  metrics.Sub("list", "List metrics").Run([&context] { return ListMetrics(context); });
  const auto metric = std::make_shared<MetricFlags>();
  metrics.Sub("create", "Add a metric")
      .Argument("METRIC", &metric->id, "Its id, like vcpu")
      .Option("--unit", &metric->unit, "UNIT", "Unit of one, like GiB")
      .Option("--default-limit", &metric->default_limit, "AMOUNT",
              "Limit of projects that have none of their own [0]")
      .Option("--title", &metric->title, "TEXT", "Name for people")
      .Run([&context, metric] { return CreateMetric(context, *metric); });

  AddQuotaGrantCommands(quota, context);
  AddQuotaRequestCommand(quota, context);
}

}  // namespace stackyard::cli
