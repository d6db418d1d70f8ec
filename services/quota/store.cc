#include "services/quota/store.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "services/quota/query.h"
#include "services/quota/schema.h"
#include "services/quota/store_sql.h"

namespace stackyard::quota {

std::string ProjectFilter(const Listing& listing) {
  if (!listing.projects) return "1 = 1";
  if (listing.projects->empty()) return "1 = 0";
  std::string names;
  for (size_t i = 0; i < listing.projects->size(); ++i) {
    absl::StrAppend(&names, i == 0 ? "" : ", ", ":project", i, "_");
  }
  return absl::StrCat("project IN (", names, ")");
}

void UseProjects(Query& query, const Listing& listing) {
  if (!listing.projects) return;
  for (size_t i = 0; i < listing.projects->size(); ++i) {
    query.Use(absl::StrCat("project", i, "_"), (*listing.projects)[i]);
  }
}

NameKey NameKey::Parse(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return {std::string(text), ""};
  return {std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
}

std::string AgeKey::ToString() const {
  return absl::StrCat(ToMicros(create_time), "/", project, "/", id);
}

AgeKey AgeKey::Parse(std::string_view text) {
  if (text.empty()) return {absl::InfiniteFuture(), "", ""};
  const NameKey outer = NameKey::Parse(text);
  const NameKey inner = NameKey::Parse(outer.id);
  int64_t micros = 0;
  if (!absl::SimpleAtoi(outer.project, &micros)) return {absl::InfinitePast(), "", ""};
  return {FromMicros(micros), inner.project, inner.id};
}

absl::StatusOr<std::unique_ptr<Store>> Store::Open(std::string_view url, int connections) {
  ASSIGN_OR_RETURN(auto database, Database::Open(url, Schema(), connections));
  return std::unique_ptr<Store>(new Store(std::move(database)));
}

std::vector<v1::Metric> Tx::ListMetrics(std::string_view after, int size) {
  std::string id, unit, display_name;
  int64_t default_limit = 0;
  Query query(sql_,
              "SELECT id, unit, display_name, default_limit FROM metrics WHERE id > :after "
              "ORDER BY id LIMIT :size");
  query.Use("after", std::string(after)).Use("size", size);
  query.Into(id).Into(unit).Into(display_name).Into(default_limit);
  std::vector<v1::Metric> metrics;
  while (query.Next()) {
    v1::Metric& metric = metrics.emplace_back();
    metric.set_name(absl::StrCat("metrics/", id));
    metric.set_unit(unit);
    metric.set_display_name(display_name);
    metric.set_default_limit(default_limit);
  }
  return metrics;
}

MetricIds Tx::AllMetricIds() {
  MetricIds ids;
  std::string id;
  Query query(sql_, "SELECT id FROM metrics");
  query.Into(id);
  while (query.Next()) ids.insert(id);
  return ids;
}

bool Tx::InsertMetric(const v1::Metric& metric) {
  std::string id;
  Query query(sql_,
              "INSERT INTO metrics (id, unit, display_name, default_limit) "
              "VALUES (:id, :unit, :display_name, :default_limit) "
              "ON CONFLICT DO NOTHING RETURNING id");
  query.Use("id", metric.name().substr(metric.name().find('/') + 1))
      .Use("unit", metric.unit())
      .Use("display_name", metric.display_name())
      .Use("default_limit", int64_t{metric.default_limit()})
      .Into(id);
  return query.Any();
}

namespace {

class LimitReader {
 public:
  explicit LimitReader(Query& query) : query_(query) {
    query.Into(row_.project).Into(row_.level.metric).Into(row_.level.user).Into(row_.value);
    query.Into(update_time_);
  }
  bool Next() {
    const bool more = query_.Next();
    row_.update_time = FromMicros(update_time_);
    return more;
  }
  const LimitRow& row() const { return row_; }

 private:
  Query& query_;
  LimitRow row_;
  int64_t update_time_ = 0;
};

constexpr char kLimitColumns[] = "SELECT project, metric, usr, value, update_time FROM limits ";

class GrantReader {
 public:
  explicit GrantReader(Query& query) : query_(query) {
    query.Into(row_.project).Into(row_.id).Into(row_.grant.level.metric);
    query.Into(row_.grant.level.user).Into(row_.grant.span.amount);
    query.Into(start_).Into(end_).Into(row_.reason).Into(row_.change_request).Into(create_time_);
  }
  bool Next() {
    const bool more = query_.Next();
    row_.grant.span.window = {FromMicros(start_), FromMicros(end_)};
    row_.create_time = FromMicros(create_time_);
    return more;
  }
  const GrantRow& row() const { return row_; }

 private:
  Query& query_;
  GrantRow row_;
  int64_t start_ = 0, end_ = 0, create_time_ = 0;
};

constexpr char kGrantColumns[] =
    "SELECT project, id, metric, usr, value, start_time, end_time, reason, change_request, "
    "create_time FROM grants ";

}  // namespace

std::optional<LimitRow> Tx::FindLimit(const std::string& project, const std::string& id) {
  Query query(sql_, absl::StrCat(kLimitColumns, "WHERE project = :project AND id = :id"));
  query.Use("project", project).Use("id", id);
  LimitReader reader(query);
  std::optional<LimitRow> found;
  while (reader.Next()) found = reader.row();
  return found;
}

void Tx::PutLimit(const LimitRow& row) {
  Query(sql_,
        "INSERT INTO limits (project, id, metric, usr, value, update_time) "
        "VALUES (:project, :id, :metric, :usr, :value, :update_time) "
        "ON CONFLICT (project, id) "
        "DO UPDATE SET value = excluded.value, update_time = excluded.update_time")
      .Use("project", row.project)
      .Use("id", row.id())
      .Use("metric", row.level.metric)
      .Use("usr", row.level.user)
      .Use("value", row.value)
      .Use("update_time", row.update_time)
      .Run();
}

void Tx::DeleteLimit(const std::string& project, const std::string& id) {
  Query(sql_, "DELETE FROM limits WHERE project = :project AND id = :id")
      .Use("project", project)
      .Use("id", id)
      .Run();
}

std::vector<LimitRow> Tx::ListLimits(const Listing& listing) {
  const NameKey after = NameKey::Parse(listing.after);
  Query query(sql_, absl::StrCat(kLimitColumns, "WHERE ", ProjectFilter(listing),
                                 " AND (project, id) > (:project, :id) "
                                 "ORDER BY project, id LIMIT :size"));
  UseProjects(query, listing);
  query.Use("project", after.project).Use("id", after.id).Use("size", listing.size);
  LimitReader reader(query);
  std::vector<LimitRow> rows;
  while (reader.Next()) rows.push_back(reader.row());
  return rows;
}

std::string Tx::KeyOf(const GrantRow& row) {
  return AgeKey{row.create_time, row.project, row.id}.ToString();
}

std::optional<GrantRow> Tx::FindGrant(const std::string& project, const std::string& id) {
  Query query(sql_, absl::StrCat(kGrantColumns, "WHERE project = :project AND id = :id"));
  query.Use("project", project).Use("id", id);
  GrantReader reader(query);
  std::optional<GrantRow> found;
  while (reader.Next()) found = reader.row();
  return found;
}

bool Tx::InsertGrant(const GrantRow& row) {
  std::string id;
  Query query(sql_,
              "INSERT INTO grants (project, id, metric, usr, value, start_time, end_time, "
              "reason, change_request, create_time) VALUES (:project, :id, :metric, :usr, "
              ":value, :start_time, :end_time, :reason, :change_request, :create_time) "
              "ON CONFLICT DO NOTHING RETURNING id");
  query.Use("project", row.project)
      .Use("id", row.id)
      .Use("metric", row.grant.level.metric)
      .Use("usr", row.grant.level.user)
      .Use("value", row.grant.span.amount)
      .Use("start_time", row.grant.span.window.start)
      .Use("end_time", row.grant.span.window.end)
      .Use("reason", row.reason)
      .Use("change_request", row.change_request)
      .Use("create_time", row.create_time)
      .Into(id);
  return query.Any();
}

void Tx::DeleteGrant(const std::string& project, const std::string& id) {
  Query(sql_, "DELETE FROM grants WHERE project = :project AND id = :id")
      .Use("project", project)
      .Use("id", id)
      .Run();
}

std::vector<GrantRow> Tx::ListGrants(const Listing& listing) {
  const AgeKey after = AgeKey::Parse(listing.after);
  Query query(sql_, absl::StrCat(kGrantColumns, "WHERE ", ProjectFilter(listing), kNewestFirst));
  UseProjects(query, listing);
  UseAge(query, after).Use("size", listing.size);
  GrantReader reader(query);
  std::vector<GrantRow> rows;
  while (reader.Next()) rows.push_back(reader.row());
  return rows;
}

Book Tx::ReadBook(const std::string& project, absl::Time from, absl::Time now) {
  Book book;
  std::string id, unit;
  int64_t default_limit = 0;
  Query metrics(sql_, "SELECT id, unit, default_limit FROM metrics");
  metrics.Into(id).Into(unit).Into(default_limit);
  while (metrics.Next()) book.metrics[id] = {unit, default_limit};

  Query limits(sql_, absl::StrCat(kLimitColumns, "WHERE project = :project"));
  limits.Use("project", project);
  LimitReader limit(limits);
  while (limit.Next()) book.limits[limit.row().level] = limit.row().value;

  Query grants(sql_, absl::StrCat(kGrantColumns, "WHERE project = :project AND end_time > :after"));
  grants.Use("project", project).Use("after", from);
  GrantReader grant(grants);
  while (grant.Next()) book.grants.push_back(grant.row().grant);

  book.held = HeldBetween(project, from, now);
  return book;
}

std::optional<Replay> Tx::FindReplay(const std::string& caller, const std::string& request_id,
                                     absl::Time now) {
  Replay replay;
  Query query(sql_,
              "SELECT fingerprint, answer FROM replays WHERE caller = :caller "
              "AND request_id = :request_id AND expire_time > :now");
  query.Use("caller", caller).Use("request_id", request_id).Use("now", now);
  query.Into(replay.fingerprint).Into(replay.answer);
  if (!query.Any()) return std::nullopt;
  return replay;
}

bool Tx::InsertReplay(const std::string& caller, const std::string& request_id,
                      const std::string& fingerprint, absl::Time expire_time) {
  std::string inserted;
  Query query(sql_,
              "INSERT INTO replays (caller, request_id, fingerprint, answer, expire_time) "
              "VALUES (:caller, :request_id, :fingerprint, '', :expire_time) "
              "ON CONFLICT DO NOTHING RETURNING caller");
  query.Use("caller", caller)
      .Use("request_id", request_id)
      .Use("fingerprint", fingerprint)
      .Use("expire_time", expire_time)
      .Into(inserted);
  return query.Any();
}

void Tx::SetReplayAnswer(const std::string& caller, const std::string& request_id,
                         const std::string& answer) {
  Query(sql_,
        "UPDATE replays SET answer = :answer WHERE caller = :caller AND request_id = :request_id")
      .Use("answer", answer)
      .Use("caller", caller)
      .Use("request_id", request_id)
      .Run();
}

int64_t Tx::DeleteReplays(absl::Time now) {
  return Query(sql_, "DELETE FROM replays WHERE expire_time <= :now").Use("now", now).Run();
}

}  // namespace stackyard::quota
