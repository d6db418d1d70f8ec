#include "services/stacks/quota_holds.h"

#include <algorithm>
#include <functional>

#include "absl/strings/str_cat.h"
#include "common/id.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "services/stacks/quota_tasks.h"
#include "services/stacks/stack_store.h"

namespace stackyard::stacks {
namespace {

// Before a window ends.
constexpr absl::Duration kAhead = absl::Minutes(1);
// How much longer each reservation holds than the one before.
constexpr absl::Duration kStep = absl::Hours(1);
// Within this time a reservation is committed, or lapses.
constexpr absl::Duration kExpiry = absl::Minutes(10);
// Between attempts while an update or an extension has a reservation of its own on the way.
constexpr absl::Duration kAgain = absl::Seconds(5);

// Until when the stack's reservation holds what is there.
absl::Time HeldUntil(const StackRecord& record) {
  return FromProto(record.has_held_until() ? record.held_until()
                                           : record.stack().lease().end_time());
}

std::string TaskName(const TaskRecord& task) { return absl::StrCat("hold/", task.stack_uid()); }

// Ends the task with `body`, unless another replica has it now.
absl::Status Finish(Store& store, const DueTask& task,
                    const std::function<absl::Status(Change&)>& body) {
  return store.Write(Actor(), [&](Change& change) {
    return FinishTask(change, task) ? body(change) : absl::OkStatus();
  });
}

// Named after what it takes the place of, and for how long: a repeated step asks for the same.
v1::Reservation MakeReservation(const StackName& name, const StackRecord& record,
                                const TaskRecord& task) {
  const v1::Stack& stack = record.stack();
  v1::Reservation reservation;
  const std::string what = absl::StrCat(record.reservation(), " ", task.end_time().seconds());
  reservation.set_name(absl::StrCat("projects/", name.project, "/quota/reservations/", stack.uid(),
                                    "-held-", Sha256Hex(what).substr(0, 16)));
  *reservation.mutable_amounts() = stack.amounts();
  reservation.set_user(stack.creator().substr(stack.creator().find('/') + 1));
  reservation.set_holder(stack.name());
  *reservation.mutable_start_time() = stack.lease().start_time();
  *reservation.mutable_end_time() = task.end_time();
  *reservation.mutable_expire_time() = task.expire_time();
  reservation.set_supersedes(record.reservation());
  return reservation;
}

absl::Status Reserve(LedgerClient& ledger, v1::Reservation reservation) {
  absl::Status status = ledger.Reserve(reservation);
  if (ReasonOf(status) == v1::QUOTA_EXCEEDED) {
    // Nothing is always admitted; the commit tells what is there.
    reservation.clear_amounts();
    status = ledger.Reserve(reservation);
  }
  // An earlier attempt made it, when the amounts were others.
  return ReasonOf(status) == v1::REQUEST_ID_REUSED ? absl::OkStatus() : status;
}

}  // namespace

absl::Time HoldOnAt(const StackRecord& record) { return HeldUntil(record) - kAhead; }

absl::Status HoldOn(Store& store, LedgerClient& ledger, const DueTask& task) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("stack", task.record.stack()));
  const auto found =
      store.ReadValue<StackRecord>([&](soci::session& sql) { return FindStack(sql, name); });
  const bool gone = IsGone(found, task.record.stack_uid());
  if (!gone) RETURN_IF_ERROR(found.status());
  if (gone || found->reservation().empty()) {
    return Finish(store, task, [](Change&) { return absl::OkStatus(); });
  }
  const StackRecord& record = *found;
  const absl::Time now = store.Now();
  const absl::Time until = HeldUntil(record);
  if (HoldOnAt(record) > now) {
    return Finish(store, task, [&](Change& change) {
      AddTask(change, TaskName(task.record), task.record, HoldOnAt(record));
      return absl::OkStatus();
    });
  }
  const bool planned = task.record.has_end_time() &&
                       FromProto(task.record.end_time()) > std::max(until, now) &&
                       FromProto(task.record.expire_time()) > now;
  if (!planned) {
    // Written down before quota is asked, so that a repeated step repeats every field.
    return Finish(store, task, [&](Change& change) {
      TaskRecord next = task.record;
      *next.mutable_end_time() = ToProto(std::max(until, now) + kStep);
      *next.mutable_expire_time() = ToProto(now + kExpiry);
      AddTask(change, TaskName(next), next, change.now);
      return absl::OkStatus();
    });
  }

  const v1::Reservation reservation = MakeReservation(name, record, task.record);
  const absl::Status reserved = Reserve(ledger, reservation);
  if (ReasonOf(reserved) == v1::WRONG_STATE) {
    return store.Write(Actor(), [&](Change& change) {
      PostponeTask(change, task, change.now + kAgain);
      return absl::OkStatus();
    });
  }
  RETURN_IF_ERROR(reserved);
  return Finish(store, task, [&](Change& change) -> absl::Status {
    auto current = LockStack(change, name);
    const bool moved_on = IsGone(current, task.record.stack_uid()) ||
                          (current.ok() && current->reservation() != record.reservation());
    if (moved_on) {
      ReleaseLater(change, reservation.name());
      if (!IsGone(current, task.record.stack_uid())) {
        AddTask(change, TaskName(task.record), task.record, change.now);
      }
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(current.status());
    current->set_reservation(reservation.name());
    *current->mutable_held_until() = task.record.end_time();
    CommitLater(change, reservation.name(), current->stack().amounts());
    AddTask(change, TaskName(task.record), task.record, HoldOnAt(*current));
    return SaveStack(change, *current);
  });
}

}  // namespace stackyard::stacks
