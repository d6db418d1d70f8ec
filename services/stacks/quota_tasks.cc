#include "services/stacks/quota_tasks.h"

#include "absl/strings/str_cat.h"
#include "common/id.h"
#include "services/stacks/task_store.h"

namespace stackyard::stacks {
namespace {

std::string ReleaseTask(const std::string& reservation) {
  return absl::StrCat("release/", reservation);
}

}  // namespace

std::string ReservationOf(const v1::Stack& stack, const v1::Plan& plan) {
  const std::string project = stack.name().substr(0, stack.name().find("/stacks/"));
  return absl::StrCat(project, "/quota/reservations/", stack.uid(), "-",
                      plan.digest().substr(0, 16));
}

void ReleaseLater(Change& change, const std::string& reservation) {
  if (!reservation.empty()) GuardReservation(change, reservation, change.now);
}

void CommitLater(Change& change, const std::string& reservation,
                 const google::protobuf::RepeatedPtrField<v1::Amount>& amounts) {
  if (reservation.empty()) return;
  TaskRecord task;
  task.set_kind(TaskRecord::COMMIT);
  task.set_reservation(reservation);
  *task.mutable_amounts() = amounts;
  AddTask(change, absl::StrCat("commit/", reservation), task, change.now);
}

bool RestoreLater(Change& change, const v1::Stack& stack) {
  const std::string name = absl::StrCat("restore/", stack.uid());
  if (HasTask(change.sql, name)) return false;
  TaskRecord task;
  task.set_kind(TaskRecord::RESTORE);
  task.set_stack(stack.name());
  task.set_stack_uid(stack.uid());
  const std::string project = stack.name().substr(0, stack.name().find("/stacks/"));
  task.set_reservation(
      absl::StrCat(project, "/quota/reservations/", stack.uid(), "-again-", RandomId(8)));
  AddTask(change, name, task, change.now);
  return true;
}

void GuardReservation(Change& change, const std::string& reservation, absl::Time due) {
  TaskRecord task;
  task.set_kind(TaskRecord::RELEASE);
  task.set_reservation(reservation);
  AddTask(change, ReleaseTask(reservation), task, due);
}

bool KeepReservation(Change& change, const std::string& reservation) {
  return DropUnclaimed(change, ReleaseTask(reservation));
}

}  // namespace stackyard::stacks
