#include "services/stacks/queue_store.h"

#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "services/stacks/rows.h"

namespace stackyard::stacks {
namespace {

constexpr char kColumns[] =
    "SELECT id, target, work, leased, generation, runner, lease_until, cancel, events_seen, "
    "log_seen, enqueue_micros, acquire_micros, traceparent FROM queue WHERE ";

// What a runner may take: a person's lock of a state keeps the stack's runs waiting.
constexpr char kWaiting[] =
    "leased = 0 AND NOT EXISTS (SELECT 1 FROM state_locks WHERE state_locks.uid = queue.busy)";

QueueEntry ToEntry(const soci::row& row) {
  QueueEntry entry;
  entry.id = IntAt(row, 0);
  entry.target = row.get<std::string>(1);
  entry.work = static_cast<Assignment::Work>(IntAt(row, 2));
  entry.leased = IntAt(row, 3) != 0;
  entry.generation = IntAt(row, 4);
  entry.runner = row.get<std::string>(5);
  entry.lease_until = FromMicros(IntAt(row, 6));
  entry.cancel = static_cast<int>(IntAt(row, 7));
  entry.events_seen = IntAt(row, 8);
  entry.log_seen = IntAt(row, 9);
  entry.enqueue_time = FromMicros(IntAt(row, 10));
  entry.acquire_time = FromMicros(IntAt(row, 11));
  entry.traceparent = row.get<std::string>(12);
  return entry;
}

std::vector<QueueEntry> ToEntries(soci::rowset<soci::row> rows) {
  std::vector<QueueEntry> entries;
  for (const soci::row& row : rows) entries.push_back(ToEntry(row));
  return entries;
}

}  // namespace

absl::Status Enqueue(Change& change, const std::string& target, const std::string& busy,
                     Assignment::Work work) {
  int count = 0;
  change.sql << "SELECT COUNT(*) FROM queue WHERE busy = :busy", soci::use(busy), soci::into(count);
  if (count > 0) {
    return Error(v1::WRONG_STATE, absl::StrCat("another run is active: ", target, " must wait"));
  }
  const int number = work;
  const int64_t now = ToMicros(change.now);
  const std::string traceparent = RequestScope::Traceparent();
  // A target that is queued again, a version published anew, goes on counting: an answer to its
  // earlier work must not pass for one to this.
  change.sql << "INSERT INTO queue (target, busy, work, leased, generation, runner, lease_until, "
                "cancel, events_seen, log_seen, enqueue_micros, traceparent) "
                "VALUES (:target, :busy, :work, 0, COALESCE((SELECT generation FROM "
                "finished_leases WHERE target = :same), 0), '', 0, 0, 0, 0, :now, :traceparent)",
      soci::use(target), soci::use(busy), soci::use(number), soci::use(target), soci::use(now),
      soci::use(traceparent);
  change.touched.queue = true;
  change.touched.names.insert(kQueueTopic);
  return absl::OkStatus();
}

std::vector<QueueEntry> LeaseEntries(Change& change, const std::string& runner, int count,
                                     absl::Time until) {
  std::vector<QueueEntry> entries =
      ToEntries((change.sql.prepare << absl::StrCat(kColumns, kWaiting, " ORDER BY id LIMIT :count",
                                                    std::string(change.db.SkipLocked())),
                 soci::use(count)));
  for (QueueEntry& entry : entries) {
    entry.leased = true;
    ++entry.generation;
    entry.runner = runner;
    entry.lease_until = until;
    entry.events_seen = 0;
    entry.log_seen = 0;
    entry.acquire_time = change.now;
    SaveEntry(change, entry);
  }
  return entries;
}

std::vector<std::string> WaitingTargets(soci::session& sql, int count) {
  const soci::rowset<std::string> targets =
      (sql.prepare << absl::StrCat("SELECT target FROM queue WHERE ", kWaiting,
                                   " ORDER BY id LIMIT :count"),
       soci::use(count));
  return {targets.begin(), targets.end()};
}

int64_t CountWork(soci::session& sql) {
  long long count = 0;
  sql << absl::StrCat("SELECT COUNT(*) FROM queue WHERE leased = 1 OR (", kWaiting, ")"),
      soci::into(count);
  return count;
}

std::optional<QueueEntry> FindEntry(Change& change, const std::string& target) {
  const auto entries =
      ToEntries((change.sql.prepare << absl::StrCat(kColumns, "target = :target",
                                                    std::string(change.db.ForUpdate())),
                 soci::use(target)));
  if (entries.empty()) return std::nullopt;
  return entries.front();
}

absl::StatusOr<QueueEntry> CheckLease(Change& change, const Lease& lease) {
  const auto entry = FindEntry(change, lease.run());
  if (!entry || !entry->leased || entry->generation != lease.generation()) {
    return Error(v1::GENERATION_STALE,
                 absl::StrCat("generation ", lease.generation(), " of ", lease.run(),
                              " is no longer the current one"),
                 {{"run", lease.run()}});
  }
  return *entry;
}

void SaveEntry(Change& change, const QueueEntry& entry) {
  const int leased = entry.leased ? 1 : 0;
  const int64_t until = ToMicros(entry.lease_until);
  const int64_t enqueued = ToMicros(entry.enqueue_time), acquired = ToMicros(entry.acquire_time);
  change.sql << "UPDATE queue SET leased = :leased, generation = :generation, runner = :runner, "
                "lease_until = :until, cancel = :cancel, events_seen = :events, log_seen = :log, "
                "enqueue_micros = :enqueued, acquire_micros = :acquired WHERE id = :id",
      soci::use(leased), soci::use(entry.generation), soci::use(entry.runner), soci::use(until),
      soci::use(entry.cancel), soci::use(entry.events_seen), soci::use(entry.log_seen),
      soci::use(enqueued), soci::use(acquired), soci::use(entry.id);
}

void GiveBack(Change& change, QueueEntry entry) {
  entry.leased = false;
  entry.enqueue_time = change.now;
  // Who takes it next may be a program that does not write this down.
  entry.acquire_time = absl::UnixEpoch();
  SaveEntry(change, entry);
  change.touched.queue = true;
}

void FinishEntry(Change& change, const QueueEntry& entry) {
  const int64_t now = ToMicros(change.now);
  change.sql << "DELETE FROM queue WHERE id = :id", soci::use(entry.id);
  change.sql << "INSERT INTO finished_leases (target, generation, end_micros) "
                "VALUES (:target, :generation, :now) ON CONFLICT (target) DO UPDATE SET "
                "generation = excluded.generation, end_micros = excluded.end_micros",
      soci::use(entry.target), soci::use(entry.generation), soci::use(now);
  change.touched.names.insert(kQueueTopic);
}

bool WasFinished(Change& change, const Lease& lease) {
  const std::string target = lease.run();
  const int64_t generation = lease.generation();
  int count = 0;
  change.sql << "SELECT COUNT(*) FROM finished_leases WHERE target = :target "
                "AND generation = :generation",
      soci::use(target), soci::use(generation), soci::into(count);
  return count > 0;
}

std::vector<std::string> ExpiredTargets(soci::session& sql, absl::Time now) {
  const int64_t micros = ToMicros(now);
  const soci::rowset<std::string> rows =
      (sql.prepare << "SELECT target FROM queue WHERE leased = 1 AND lease_until < :now LIMIT 100",
       soci::use(micros));
  return {rows.begin(), rows.end()};
}

std::vector<QueueEntry> ExpiredEntries(Change& change) {
  const int64_t now = ToMicros(change.now);
  return ToEntries(
      (change.sql.prepare << absl::StrCat(kColumns, "leased = 1 AND lease_until < :now LIMIT 100",
                                          std::string(change.db.SkipLocked())),
       soci::use(now)));
}

}  // namespace stackyard::stacks
