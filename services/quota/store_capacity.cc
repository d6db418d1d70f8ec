// Versions of metrics, the log of what changed with them, and the rows that the trees are made of.
#include "absl/strings/str_cat.h"
#include "services/quota/query.h"
#include "services/quota/rows.h"
#include "services/quota/store.h"
#include "services/quota/version_page.h"

namespace stackyard::quota {
namespace {

const Columns kProjectColumns = {"project"};
const Columns kMetricColumns = {"project", "metric"};

// Versions are trimmed from the log when so many have come together.
constexpr int64_t kTrimmedAtOnce = 64;

}  // namespace

void Tx::LockProjects(const std::set<std::string>& projects) {
  // The transaction has no other writer beside it.
  if (database_.is_sqlite()) return;
  const auto lock = [&](auto begin, auto end, size_t size) {
    std::string project;
    size_t locked = 0;
    // In order, so that two callers never wait for each other.
    Query query(sql_, absl::StrCat("SELECT project FROM versions WHERE metric = '' AND "
                                   "project IN (VALUES ",
                                   Placeholders(database_, kProjectColumns, size),
                                   ") ORDER BY project FOR UPDATE"));
    RowBinder row(query);
    for (auto at = begin; at != end; ++at) row.Use(*at);
    query.Into(project);
    while (query.Next()) ++locked;
    return locked;
  };
  InParts(projects, RowsAtOnce(database_), [&](auto begin, auto end, size_t size) {
    while (lock(begin, end, size) < size) {
      for (auto at = begin; at != end; ++at) {
        Query(sql_,
              "INSERT INTO versions (project, metric, version) VALUES (:project, '', 0) "
              "ON CONFLICT DO NOTHING")
            .Use("project", *at)
            .Run();
      }
    }
  });
}

std::map<MetricKey, int64_t> Tx::Versions(const std::set<MetricKey>& metrics) {
  std::map<MetricKey, int64_t> versions;
  for (const MetricKey& metric : metrics) versions[metric] = 0;
  InParts(metrics, RowsAtOnce(database_), [&](auto begin, auto end, size_t size) {
    MetricKey metric;
    int64_t version = 0;
    Query query(sql_, absl::StrCat(WithAsked(database_, kMetricColumns, size),
                                   "SELECT v.project, v.metric, v.version FROM asked "
                                   "CROSS JOIN versions v WHERE v.project = asked.project "
                                   "AND v.metric = asked.metric"));
    RowBinder row(query);
    for (auto at = begin; at != end; ++at) row.Use(at->project).Use(at->metric);
    query.Into(metric.project).Into(metric.metric).Into(version);
    while (query.Next()) versions[metric] = version;
  });
  return versions;
}

VersionPage ListVersions(soci::session& sql, int most) {
  VersionPage page;
  Query count(sql, "SELECT COUNT(*) FROM versions WHERE metric <> ''");
  count.Into(page.total);
  count.Any();
  MetricKey key;
  int64_t version = 0;
  Query query(sql,
              "SELECT project, metric, version FROM versions WHERE metric <> '' "
              "ORDER BY project, metric LIMIT :most");
  query.Use("most", most).Into(key.project).Into(key.metric).Into(version);
  while (query.Next()) page.versions.emplace_back(key, version);
  return page;
}

void Tx::PutVersions(const std::map<MetricKey, int64_t>& versions,
                     const std::map<MetricKey, std::string>& changes) {
  static const Columns kColumns = {"project", "metric", "version"};
  InParts(versions, RowsAtOnce(database_), [&](auto begin, auto end, size_t size) {
    Query query(sql_, absl::StrCat("INSERT INTO versions (project, metric, version) VALUES ",
                                   Placeholders(database_, kColumns, size),
                                   " ON CONFLICT (project, metric) DO UPDATE SET version = "
                                   "excluded.version"));
    RowBinder row(query);
    for (auto at = begin; at != end; ++at) {
      row.Use(at->first.project).Use(at->first.metric).Use(at->second);
    }
    query.Run();
  });
  static const Columns kLogColumns = {"project", "metric", "version", "changes"};
  InParts(versions, RowsAtOnce(database_), [&](auto begin, auto end, size_t size) {
    Query query(sql_,
                absl::StrCat("INSERT INTO capacity_log (project, metric, version, changes) VALUES ",
                             Placeholders(database_, kLogColumns, size)));
    RowBinder row(query);
    for (auto at = begin; at != end; ++at) {
      row.Use(at->first.project).Use(at->first.metric).Use(at->second).Use(changes.at(at->first));
    }
    query.Run();
  });
  for (const auto& [metric, version] : versions) {
    if (version % kTrimmedAtOnce != 0) continue;
    Query(sql_,
          "DELETE FROM capacity_log WHERE project = :project AND metric = :metric "
          "AND version <= :version")
        .Use("project", metric.project)
        .Use("metric", metric.metric)
        .Use("version", version - Store::kLoggedVersions)
        .Run();
  }
}

void Tx::LogLimits(const MetricKey& metric) {
  const int64_t next = Versions({metric}).at(metric) + 1;
  PutVersions({{metric, next}}, {{metric, std::string(kLimitsChanged)}});
}

std::optional<std::vector<Changes>> Tx::ChangesBetween(const MetricKey& metric, int64_t behind,
                                                       int64_t until) {
  std::vector<Changes> all;
  // Not worth reading when the beginning cannot be there any more.
  if (behind > until || until - behind > Store::kLoggedVersions + kTrimmedAtOnce) {
    return std::nullopt;
  }
  int64_t version = 0;
  std::string lines;
  Query query(sql_,
              "SELECT version, changes FROM capacity_log WHERE project = :project "
              "AND metric = :metric AND version > :behind AND version <= :until ORDER BY version");
  query.Use("project", metric.project)
      .Use("metric", metric.metric)
      .Use("behind", behind)
      .Use("until", until)
      .Into(version)
      .Into(lines);
  bool complete = true;
  while (query.Next()) {
    std::optional<Changes> changes = ReadLines(lines);
    complete = complete && changes && version == behind + 1;
    behind = version;
    if (complete) all.push_back(*std::move(changes));
  }
  if (!complete || behind != until) return std::nullopt;
  return all;
}

Allowance Tx::ReadAllowance(const MetricKey& metric, absl::Time from) {
  Allowance allowance;
  Query defaults(sql_, "SELECT default_limit FROM metrics WHERE id = :metric");
  defaults.Use("metric", metric.metric).Into(allowance.default_limit);
  defaults.Any();

  std::string user;
  int64_t value = 0;
  Query limits(sql_, "SELECT usr, value FROM limits WHERE project = :project AND metric = :metric");
  limits.Use("project", metric.project).Use("metric", metric.metric).Into(user).Into(value);
  while (limits.Next()) allowance.limits[user] = value;

  int64_t start = 0, end = 0;
  Query grants(sql_,
               "SELECT usr, value, start_time, end_time FROM grants WHERE project = :project "
               "AND metric = :metric AND end_time > :after");
  grants.Use("project", metric.project).Use("metric", metric.metric).Use("after", from);
  grants.Into(user).Into(value).Into(start).Into(end);
  while (grants.Next()) {
    allowance.grants.push_back({user, {{FromMicros(start), FromMicros(end)}, value}});
  }
  return allowance;
}

std::vector<Holding> Tx::ReadCommitted(const MetricKey& metric, absl::Time from) {
  std::vector<Holding> holdings;
  std::string user;
  int64_t start = 0, end = 0, amount = 0;
  // `state <> 3` is what the index says.
  Query query(sql_,
              "SELECT r.usr, r.start_time, r.end_time, h.amount FROM reservations r JOIN holds h "
              "ON h.project = r.project AND h.reservation = r.id AND h.metric = :metric "
              "WHERE r.project = :project AND r.state <> 3 AND r.state = 2 "
              "AND r.end_time > :after AND h.amount > 0");
  query.Use("project", metric.project).Use("metric", metric.metric).Use("after", from);
  query.Into(user).Into(start).Into(end).Into(amount);
  while (query.Next()) {
    holdings.push_back({user, {{FromMicros(start), FromMicros(end)}, amount}});
  }
  return holdings;
}

std::vector<Change> Tx::ReadPending(const MetricKey& metric, absl::Time now) {
  std::vector<Change> pending;
  Change row;
  row.state = ReservationState::kPending;
  std::string old_user;
  int64_t start = 0, end = 0, amount = 0, expire = 0;
  int64_t old_start = 0, old_end = 0, old_amount = 0, old_state = 0;
  Query query(
      sql_,
      "SELECT r.id, r.usr, r.start_time, r.end_time, h.amount, r.expire_time, r.supersedes, "
      "COALESCE(o.state, 3), COALESCE(o.usr, ''), COALESCE(o.start_time, 0), "
      "COALESCE(o.end_time, 0), COALESCE(oh.amount, 0) "
      "FROM reservations r JOIN holds h "
      "ON h.project = r.project AND h.reservation = r.id AND h.metric = :metric "
      "LEFT JOIN reservations o ON o.project = r.project AND o.id = r.supersedes "
      "LEFT JOIN holds oh "
      "ON oh.project = o.project AND oh.reservation = o.id AND oh.metric = :metric "
      "WHERE r.project = :project AND r.state = 1 AND r.expire_time > :now");
  query.Use("project", metric.project).Use("metric", metric.metric).Use("now", now);
  query.Into(row.id).Into(row.holding.user).Into(start).Into(end).Into(amount).Into(expire);
  query.Into(row.supersedes).Into(old_state).Into(old_user).Into(old_start).Into(old_end);
  query.Into(old_amount);
  while (query.Next()) {
    row.holding.span = {{FromMicros(start), FromMicros(end)}, amount};
    row.expire_time = FromMicros(expire);
    row.old.reset();
    if (old_state == static_cast<int64_t>(ReservationState::kCommitted)) {
      row.old = {old_user, {{FromMicros(old_start), FromMicros(old_end)}, old_amount}};
    }
    pending.push_back(row);
  }
  return pending;
}

}  // namespace stackyard::quota
