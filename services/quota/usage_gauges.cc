#include "services/quota/usage_gauges.h"

#include <algorithm>
#include <utility>

#include "common/status_macros.h"
#include "services/quota/version_page.h"

namespace stackyard::quota {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;

// Used, pending, limit, over-committed.
constexpr int kSeriesPerLine = 4;

MetricFamily FamilyOf(const char* name, const char* help) {
  MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = prometheus::MetricType::Gauge;
  return family;
}

void Add(MetricFamily& family, std::vector<ClientMetric::Label> labels, double value) {
  ClientMetric& metric = family.metric.emplace_back();
  metric.label = std::move(labels);
  metric.gauge.value = value;
}

// The next instant at which something in the book begins or ends by itself.
absl::Time NextChange(const Book& book, absl::Time now) {
  absl::Time next = absl::InfiniteFuture();
  const auto take = [&](absl::Time time) {
    if (time > now) next = std::min(next, time);
  };
  for (const Grant& grant : book.grants) {
    take(grant.span.window.start);
    take(grant.span.window.end);
  }
  for (const Reservation& reservation : book.held) {
    take(reservation.window.start);
    take(reservation.window.end);
    if (reservation.state == ReservationState::kPending) take(reservation.expire_time);
  }
  return next;
}

}  // namespace

UsageGauges::UsageGauges(Store& store, const Clock& clock, int most_series)
    : store_(store), clock_(clock), most_lines_(most_series / kSeriesPerLine) {}

absl::Status UsageGauges::Refresh() {
  const absl::Time now = Now(clock_);
  ASSIGN_OR_RETURN(const VersionPage page,
                   store_.database().ReadValue<VersionPage>([&](soci::session& sql) {
                     return absl::StatusOr<VersionPage>(ListVersions(sql, most_lines_));
                   }));
  std::map<std::string, std::map<std::string, int64_t>> versions;
  for (const auto& [key, version] : page.versions) versions[key.project][key.metric] = version;
  std::vector<Line> lines;
  std::map<std::string, Known> known;
  for (auto& [project, its] : versions) {
    Known& entry = known[project];
    if (const auto old = known_.find(project); old != known_.end()) entry = old->second;
    if (entry.versions != its || entry.good_until <= now) {
      entry.versions = its;
      RETURN_IF_ERROR(Read(project, now, entry));
    }
    for (const auto& [metric, usage] : entry.usage) lines.push_back({project, metric, usage});
  }
  known_ = std::move(known);
  absl::MutexLock lock(&mutex_);
  lines_ = std::move(lines);
  omitted_ = (page.total - static_cast<int64_t>(page.versions.size())) * kSeriesPerLine;
  return absl::OkStatus();
}

// What is read may be newer than the versions: then it is read once more the next time.
absl::Status UsageGauges::Read(const std::string& project, absl::Time now, Known& known) {
  ASSIGN_OR_RETURN(Book book,
                   store_.Read<Book>([&](Tx& tx) { return tx.ReadBook(project, now, now); }));
  known.good_until = NextChange(book, now);
  const BookCapacity capacity(std::move(book));
  known.usage.clear();
  for (const auto& [metric, version] : known.versions) {
    known.usage[metric] = capacity.At({metric, ""}, now);
  }
  return absl::OkStatus();
}

std::vector<MetricFamily> UsageGauges::Collect() const {
  std::vector<MetricFamily> families = {
      FamilyOf("stackyard_quota_used", "Held by committed reservations now"),
      FamilyOf("stackyard_quota_pending", "Held by pending reservations now"),
      FamilyOf("stackyard_quota_limit", "The limit in force now, grants included"),
      FamilyOf("stackyard_quota_over_committed",
               "1 where more is held than the limit allows, else 0"),
      FamilyOf("stackyard_quota_series_omitted",
               "Series of projects that --metrics-series left out")};
  absl::MutexLock lock(&mutex_);
  for (const Line& line : lines_) {
    const std::vector<ClientMetric::Label> labels = {{"project", line.project},
                                                     {"metric", line.metric}};
    Add(families[0], labels, static_cast<double>(line.usage.committed));
    Add(families[1], labels, static_cast<double>(line.usage.pending));
    Add(families[2], labels, static_cast<double>(line.usage.limit));
    Add(families[3], labels, line.usage.over_committed() ? 1 : 0);
  }
  Add(families[4], {}, static_cast<double>(omitted_));
  return families;
}

}  // namespace stackyard::quota
