// Rows of the quota service, on SQLite and PostgreSQL alike.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/proto_time.h"
#include "common/sql.h"
#include "services/quota/book.h"
#include "services/quota/metric_capacity.h"
#include "services/quota/model.h"
#include "stackyard/v1/quota.pb.h"

namespace stackyard::quota {

class Query;

// The time, as precise as rows hold it: what is decided is then what is read back.
inline absl::Time Now(const Clock& clock) { return FromMicros(ToMicros(clock.TimeNow())); }

// Which projects a listing shows, and how much of it.
struct Listing {
  // Ids; nullopt: all of them.
  std::optional<std::vector<std::string>> projects;
  // Rows wanted, 1 or more.
  int size = 50;
  // Sort key of the last row that was shown, as the listing's KeyOf tells it; empty: from the
  // start.
  std::string after;
};

struct LimitRow {
  std::string project;
  Level level;
  int64_t value = 0;
  absl::Time update_time;

  // Last part of the resource name: the metric, and `:` and the user where there is one.
  std::string id() const {
    return level.user.empty() ? level.metric : level.metric + ":" + level.user;
  }
};

struct GrantRow {
  std::string project;
  std::string id;
  Grant grant;
  std::string reason;
  std::string change_request;
  absl::Time create_time;
};

// The first answer to a request with a request_id.
struct Replay {
  std::string fingerprint;
  // As Pack wrote it.
  std::string answer;
};

// What can be done within a transaction. Nothing here decides anything. Methods throw what SOCI
// throws, which Store turns into a status; a Tx must not outlive its transaction.
class Tx {
 public:
  Tx(soci::session& sql, const Database& database) : sql_(sql), database_(database) {}

  // Waits for all others who change what is held or allowed in these projects, and keeps them out
  // until the transaction ends. Comes before anything that a decision hangs on is read, once in a
  // transaction.
  void LockProjects(const std::set<std::string>& projects);
  // Moves a metric of a locked project to its next version, and tells all replicas with the commit
  // to read its limits and grants again.
  void LogLimits(const MetricKey& metric);

  // By id.
  std::vector<v1::Metric> ListMetrics(std::string_view after, int size);
  MetricIds AllMetricIds();
  // False when the id is taken.
  bool InsertMetric(const v1::Metric& metric);

  std::optional<LimitRow> FindLimit(const std::string& project, const std::string& id);
  void PutLimit(const LimitRow& row);
  void DeleteLimit(const std::string& project, const std::string& id);
  // By project, then id.
  std::vector<LimitRow> ListLimits(const Listing& listing);
  static std::string KeyOf(const LimitRow& row) { return row.project + "/" + row.id(); }

  std::optional<GrantRow> FindGrant(const std::string& project, const std::string& id);
  // False when the name is taken.
  bool InsertGrant(const GrantRow& row);
  void DeleteGrant(const std::string& project, const std::string& id);
  // Newest first.
  std::vector<GrantRow> ListGrants(const Listing& listing);
  static std::string KeyOf(const GrantRow& row);

  std::optional<Reservation> FindReservation(const ReservationName& name);
  // Those that exist. With `lock` others cannot change them until the transaction ends.
  std::vector<Reservation> FindReservations(const std::set<ReservationName>& names, bool lock);
  // Those that are stored as PENDING and supersede one of `names`.
  std::vector<ReservationName> FindSuccessors(const std::set<ReservationName>& names);
  // Throws when a name is taken.
  void InsertReservations(const std::vector<const Reservation*>& reservations);
  // Writes state, amounts, flags and update_time.
  void UpdateReservations(const std::vector<const Reservation*>& reservations);
  // Newest first.
  std::vector<Reservation> ListReservations(const Listing& listing);
  static std::string KeyOf(const Reservation& reservation);
  // Those that are held at `now`, by project and id, behind `after` (`project/id`).
  std::vector<Reservation> ListHeld(absl::Time now, std::string_view after, int size);
  // Marks what expired as released. It was taken as that before: no reader sees a difference.
  int64_t MarkExpired(absl::Time now);

  // Versions of metrics; 0 where there is none yet.
  std::map<MetricKey, int64_t> Versions(const std::set<MetricKey>& metrics);
  // Moves metrics to these versions, the next ones of each, and logs what changed with them.
  void PutVersions(const std::map<MetricKey, int64_t>& versions,
                   const std::map<MetricKey, std::string>& changes);
  // What changed behind a version, version by version; nullopt when the log does not tell all of
  // it until `until`.
  std::optional<std::vector<Changes>> ChangesBetween(const MetricKey& metric, int64_t behind,
                                                     int64_t until);
  Allowance ReadAllowance(const MetricKey& metric, absl::Time from);
  // All that is COMMITTED with a window that ends after `from`.
  std::vector<Holding> ReadCommitted(const MetricKey& metric, absl::Time from);
  // All that is PENDING at `now`, as if it had just been made.
  std::vector<Change> ReadPending(const MetricKey& metric, absl::Time now);

  // A project's limits, its grants that end after `from`, and its reservations that end after
  // `from` and are held at `now`.
  Book ReadBook(const std::string& project, absl::Time from, absl::Time now);

  std::optional<Replay> FindReplay(const std::string& caller, const std::string& request_id,
                                   absl::Time now);
  // False when there is one.
  bool InsertReplay(const std::string& caller, const std::string& request_id,
                    const std::string& fingerprint, absl::Time expire_time);
  void SetReplayAnswer(const std::string& caller, const std::string& request_id,
                       const std::string& answer);
  int64_t DeleteReplays(absl::Time now);

 private:
  std::vector<Reservation> SelectReservations(Query& query);
  std::vector<Reservation> HeldBetween(const std::string& project, absl::Time from, absl::Time now);
  void PutReservations(const std::vector<const Reservation*>& reservations,
                       std::string_view on_conflict);
  void PutHolds(const std::vector<const Reservation*>& reservations);

  soci::session& sql_;
  const Database& database_;
};

class Store {
 public:
  // `url` as Database::Open takes it.
  static absl::StatusOr<std::unique_ptr<Store>> Open(std::string_view url, int connections = 8);

  // For probes.
  Database& database() { return *database_; }

  // Versions of a metric that the log keeps at least. A replica that is further behind reads all
  // rows instead, which takes as long as following about so many.
  static constexpr int64_t kLoggedVersions = 4096;

  // Runs `body` on a read-only snapshot, or in a transaction that commits when it answers OK.
  // It may run more than once. Answers what it answers, or the engine's error.
  template <typename T>
  absl::StatusOr<T> Read(const std::function<absl::StatusOr<T>(Tx&)>& body) {
    return database_->ReadValue<T>(
        [&](soci::session& sql) { return OnTx<absl::StatusOr<T>>(sql, body); });
  }
  template <typename T>
  absl::StatusOr<T> Write(const std::function<absl::StatusOr<T>(Tx&)>& body) {
    return database_->WriteValue<T>(
        [&](soci::session& sql) { return OnTx<absl::StatusOr<T>>(sql, body); });
  }

 private:
  explicit Store(std::unique_ptr<Database> database) : database_(std::move(database)) {}

  template <typename Result, typename Body>
  Result OnTx(soci::session& sql, const Body& body) {
    Tx tx(sql, *database_);
    return body(tx);
  }

  const std::unique_ptr<Database> database_;
};

}  // namespace stackyard::quota
