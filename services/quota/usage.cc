#include "services/quota/usage.h"

#include "absl/strings/str_cat.h"
#include "common/proto_time.h"
#include "common/status_macros.h"
#include "services/quota/book.h"
#include "services/quota/fields.h"

namespace stackyard::quota {
namespace {

constexpr absl::Duration kFourWeeks = absl::Hours(24 * 28);
constexpr absl::Duration kTwoYears = absl::Hours(24 * 366 * 2);
constexpr int kMostPoints = 5000;

v1::Usage Line(const BookCapacity& capacity, const Level& level, absl::Time now) {
  const UsageAt usage = capacity.At(level, now);
  v1::Usage line;
  line.set_metric(level.metric);
  line.set_unit(capacity.book().metrics.at(level.metric).unit);
  line.set_limit(usage.limit);
  line.set_committed(usage.committed);
  line.set_pending(usage.pending);
  line.set_over_committed(usage.over_committed());
  line.set_user(level.user);
  return line;
}

}  // namespace

absl::StatusOr<v1::ListUsageResponse> UsageReport::List(const v1::ListUsageRequest& request) {
  Violations violations;
  const std::string project = ReadProject("parent", request.parent(), violations);
  RETURN_IF_ERROR(violations.ToStatus());
  const absl::Time now = clock_.TimeNow();
  return store_.Read<v1::ListUsageResponse>([&](Tx& tx) {
    const BookCapacity capacity(tx.ReadBook(project, now, now));
    v1::ListUsageResponse answer;
    for (const auto& [metric, about] : capacity.book().metrics) {
      *answer.add_usage() = Line(capacity, {metric, ""}, now);
      if (!request.by_user()) continue;
      for (const std::string& user : capacity.UsersOf(metric, now)) {
        *answer.add_usage() = Line(capacity, {metric, user}, now);
      }
    }
    return answer;
  });
}

absl::StatusOr<v1::QueryUsageSeriesResponse> UsageReport::Series(
    const v1::QueryUsageSeriesRequest& request) {
  const absl::Time now = Now(clock_);
  return store_.Read<v1::QueryUsageSeriesResponse>(
      [&](Tx& tx) -> absl::StatusOr<v1::QueryUsageSeriesResponse> {
        Violations violations;
        const std::string project = ReadProject("parent", request.parent(), violations);
        if (tx.AllMetricIds().count(request.metric()) == 0) {
          violations.Add("metric", absl::StrCat("`", request.metric(), "` is not a metric"));
        }
        if (!request.user().empty() && !IsUserId(request.user())) {
          violations.Add("user", kUserIdRule);
        }
        const absl::Time start =
            ReadTime("start_time", request.has_start_time() ? &request.start_time() : nullptr, now,
                     violations);
        const absl::Time end =
            ReadTime("end_time", request.has_end_time() ? &request.end_time() : nullptr,
                     start + kFourWeeks, violations);
        if (end <= start || end - start > kTwoYears) {
          violations.Add("end_time", "must be after start_time, by at most two years");
        }
        RETURN_IF_ERROR(violations.ToStatus());

        const BookCapacity capacity(tx.ReadBook(project, start, now));
        v1::QueryUsageSeriesResponse answer;
        const Timeline series = capacity.Series({request.metric(), request.user()}, start);
        for (const Step& step : series.steps()) {
          if (step.from >= end) break;
          if (answer.points_size() == kMostPoints) {
            return InvalidField("end_time", absl::StrCat("there are more than ", kMostPoints,
                                                         " changes until then; ask for less time"));
          }
          v1::UsagePoint* point = answer.add_points();
          *point->mutable_time() = ToProto(step.from);
          point->set_used(step.used);
          point->set_limit(step.limit);
        }
        return answer;
      });
}

}  // namespace stackyard::quota
