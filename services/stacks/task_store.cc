#include "services/stacks/task_store.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/proto_time.h"
#include "services/stacks/rows.h"

namespace stackyard::stacks {
namespace {

// Where a task waits: steps in one queue, deliveries in one for each receiver.
std::string QueueOf(const TaskRecord& record) {
  return absl::StrCat(record.channel(), record.user());
}

absl::Status Claim(Change& change, int64_t lease, DueTask& task, const std::string& body) {
  ASSIGN_OR_RETURN(task.record, Unpacked<TaskRecord>(body));
  ++task.attempts;
  change.sql << "UPDATE tasks SET lease_until = :lease, attempts = attempts + 1 WHERE id = :id",
      soci::use(lease), soci::use(task.id);
  return absl::OkStatus();
}

}  // namespace

void AddTask(Change& change, const std::string& name, const TaskRecord& record, absl::Time due) {
  // The attempts only ever go up, so that who claimed the old content does not end the new.
  const std::string body = Pack(record);
  const std::string queue = QueueOf(record);
  const int64_t micros = ToMicros(due);
  const std::string traceparent = RequestScope::Traceparent();
  const int timer = due > change.now ? 1 : 0;
  change.sql
      << "INSERT INTO tasks (name, queue, due, lease_until, attempts, body, traceparent, timer) "
         "VALUES (:name, :queue, :due, 0, 0, :body, :traceparent, :timer) "
         "ON CONFLICT (name) DO UPDATE SET "
         "due = excluded.due, lease_until = 0, attempts = tasks.attempts + 1, "
         "body = excluded.body, traceparent = excluded.traceparent, timer = excluded.timer",
      soci::use(name), soci::use(queue), soci::use(micros), soci::use(body), soci::use(traceparent),
      soci::use(timer);
  change.touched.tasks = true;
}

void DropTask(Change& change, const std::string& name) {
  change.sql << "DELETE FROM tasks WHERE name = :name", soci::use(name);
}

bool HasTask(soci::session& sql, const std::string& name) {
  int count = 0;
  sql << "SELECT COUNT(*) FROM tasks WHERE name = :name", soci::use(name), soci::into(count);
  return count > 0;
}

absl::StatusOr<std::vector<TaskRecord>> TasksUntil(soci::session& sql, absl::Time time) {
  std::vector<TaskRecord> tasks;
  const int64_t until = ToMicros(time);
  soci::rowset<std::string> bodies =
      (sql.prepare << "SELECT body FROM tasks WHERE due <= :until ORDER BY id", soci::use(until));
  for (const std::string& body : bodies) {
    ASSIGN_OR_RETURN(tasks.emplace_back(), Unpacked<TaskRecord>(body));
  }
  return tasks;
}

bool DropUnclaimed(Change& change, const std::string& name) {
  soci::statement statement =
      (change.sql.prepare << "DELETE FROM tasks WHERE name = :name AND attempts = 0",
       soci::use(name));
  statement.execute(true);
  return statement.get_affected_rows() == 1;
}

absl::StatusOr<std::vector<DueTask>> ClaimTasks(Change& change, int count, absl::Time until) {
  const int64_t now = ToMicros(change.now);
  std::vector<DueTask> tasks;
  std::vector<std::string> bodies;
  {
    soci::rowset<soci::row> rows =
        (change.sql.prepare << absl::StrCat("SELECT id, attempts, body, traceparent, timer "
                                            "FROM tasks WHERE queue = '' "
                                            "AND due <= :now AND lease_until <= :now2 "
                                            "ORDER BY due LIMIT :count",
                                            std::string(change.db.SkipLocked())),
         soci::use(now), soci::use(now), soci::use(count));
    for (const soci::row& row : rows) {
      DueTask& task = tasks.emplace_back();
      task.id = IntAt(row, 0);
      task.attempts = static_cast<int>(IntAt(row, 1));
      task.traceparent = row.get<std::string>(3);
      task.timer = IntAt(row, 4) != 0;
      bodies.push_back(row.get<std::string>(2));
    }
  }
  const int64_t lease = ToMicros(until);
  for (size_t i = 0; i < tasks.size(); ++i) {
    RETURN_IF_ERROR(Claim(change, lease, tasks[i], bodies[i]));
  }
  return tasks;
}

absl::StatusOr<std::optional<DueTask>> ClaimDelivery(Change& change, absl::Time until) {
  const int64_t now = ToMicros(change.now);
  DueTask task;
  std::string body;
  change.sql << absl::StrCat(
      "SELECT t.id, t.attempts, t.body FROM tasks t WHERE t.queue <> '' AND t.due <= :now "
      "AND t.lease_until <= :now2 AND NOT EXISTS (SELECT 1 FROM tasks o WHERE o.queue = t.queue "
      "AND o.lease_until > :now3) ORDER BY t.due, t.id LIMIT 1",
      std::string(change.db.SkipLocked())),
      soci::use(now), soci::use(now), soci::use(now), soci::into(task.id),
      soci::into(task.attempts), soci::into(body);
  if (!change.sql.got_data()) return std::nullopt;
  RETURN_IF_ERROR(Claim(change, ToMicros(until), task, body));
  return task;
}

bool FinishTask(Change& change, const DueTask& task) {
  // The attempts tell claims apart.
  soci::statement statement =
      (change.sql.prepare << "DELETE FROM tasks WHERE id = :id AND attempts = :attempts",
       soci::use(task.id), soci::use(task.attempts));
  statement.execute(true);
  return statement.get_affected_rows() == 1;
}

void PostponeTask(Change& change, const DueTask& task, absl::Time due) {
  const int64_t micros = ToMicros(due);
  change.sql << "UPDATE tasks SET due = :due, lease_until = 0 WHERE id = :id "
                "AND attempts = :attempts",
      soci::use(micros), soci::use(task.id), soci::use(task.attempts);
}

absl::Time NextDue(soci::session& sql) {
  int64_t due = 0;
  soci::indicator indicator = soci::i_null;
  // A claimed task comes up again when its claim runs out.
  sql << "SELECT MIN(CASE WHEN lease_until > due THEN lease_until ELSE due END) FROM tasks",
      soci::into(due, indicator);
  return indicator == soci::i_ok ? FromMicros(due) : absl::InfiniteFuture();
}

}  // namespace stackyard::stacks
