// Work that is to be done once at or after a time: the steps of the saga with quota, and timers.
// A task is written in the transaction that calls for it and deleted in the one that does it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/stacks/change.h"
#include "stackyard/internal/v1/records.pb.h"

namespace stackyard::stacks {

using internal::v1::TaskRecord;

struct DueTask {
  int64_t id = 0;
  int attempts = 0;
  TaskRecord record;
  // W3C traceparent of what called for it; empty: none.
  std::string traceparent;
  // It was put off when it was made: what called for it will long have ended.
  bool timer = false;
};

// Adds a task, or moves the one of this name to the new time and content. It goes on with the trace
// of the thread.
void AddTask(Change& change, const std::string& name, const TaskRecord& record, absl::Time due);
void DropTask(Change& change, const std::string& name);
bool HasTask(soci::session& sql, const std::string& name);
// Drops a task that nobody claimed yet. False when somebody did, or there is none.
bool DropUnclaimed(Change& change, const std::string& name);

// Claims up to `count` tasks that are due, until `until`; unclaimed again after that. Deliveries
// are left to ClaimDelivery, since they wait for strangers.
absl::StatusOr<std::vector<DueTask>> ClaimTasks(Change& change, int count, absl::Time until);

// Same, for one delivery, to where none is on its way: who does not answer holds up nobody else.
absl::StatusOr<std::optional<DueTask>> ClaimDelivery(Change& change, absl::Time until);

// Ends a claimed task. False when another replica has it now: then nothing may be written.
bool FinishTask(Change& change, const DueTask& task);

// Puts a claimed task off.
void PostponeTask(Change& change, const DueTask& task, absl::Time due);

// Every task that is due by a time.
absl::StatusOr<std::vector<TaskRecord>> TasksUntil(soci::session& sql, absl::Time time);

// When the next task is due; InfiniteFuture: none.
absl::Time NextDue(soci::session& sql);

}  // namespace stackyard::stacks
