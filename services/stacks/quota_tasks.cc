#include "services/stacks/quota_tasks.h"

#include "absl/strings/str_cat.h"
#include "services/stacks/task_store.h"

namespace stackyard::stacks {
namespace {

std::string ReleaseTask(const std::string& reservation) {
  return absl::StrCat("release/", reservation);
}

}  // namespace

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
