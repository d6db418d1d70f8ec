#include "services/stacks/saga.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/proto_time.h"
#include "common/span.h"
#include "common/status.h"
#include "services/stacks/bookings.h"
#include "services/stacks/catalog_store.h"
#include "services/stacks/drift.h"
#include "services/stacks/flow.h"
#include "services/stacks/leases.h"
#include "services/stacks/operations.h"
#include "services/stacks/previews.h"
#include "services/stacks/quota_holds.h"
#include "services/stacks/quota_requests.h"
#include "services/stacks/quota_tasks.h"
#include "services/stacks/reconciler.h"
#include "services/stacks/reviews.h"
#include "services/stacks/stack_store.h"

namespace stackyard::stacks {
namespace {

constexpr int kBatch = 8;
// Attempts after which what should pass is taken to stay; some minutes.
constexpr int kPatience = 20;
// How long a claim holds: what a killed replica had claimed waits for as long. Steps are quicker;
// one that is not is done twice, which changes nothing.
constexpr absl::Duration kClaim = absl::Seconds(15);
// How long a reservation outlives the deadline of its review, so that the apply has its time.
constexpr absl::Duration kApplyMargin = absl::Hours(24);

absl::Duration Backoff(int attempts) {
  return std::min(absl::Milliseconds(100) * (1 << std::min(attempts, 9)), absl::Seconds(30));
}

// A step belongs to the trace of what called for it. Timers, and what is tried for very long, have
// traces of their own that name it.
Span SpanOf(const DueTask& task) {
  const TaskRecord& record = task.record;
  const std::string name =
      absl::StrCat("task ", absl::AsciiStrToLower(TaskRecord::Kind_Name(record.kind())));
  Span span;
  if (task.traceparent.empty()) {
    span = Span::Root(name, SpanKind::kConsumer);
  } else if (task.timer || task.attempts > kPatience) {
    span = Span::Linked(name, SpanKind::kConsumer, task.traceparent);
  } else {
    span = Span::Child(name, SpanKind::kConsumer, task.traceparent);
  }
  span.Set("stackyard.stack", record.stack());
  span.Set("stackyard.attempt", int64_t{task.attempts});
  return span;
}

bool IsRefusal(const absl::Status& status) {
  const ErrorReason reason = ReasonOf(status);
  return reason == v1::QUOTA_EXCEEDED || reason == v1::INVALID_FIELD;
}

}  // namespace

absl::StatusOr<int> Saga::RunDue() {
  int64_t due = 0;
  const int64_t now = ToMicros(store_.Now());
  RETURN_IF_ERROR(store_.Read([&](soci::session& sql) {
    sql << "SELECT COUNT(*) FROM tasks WHERE queue = '' AND due <= :now "
           "AND lease_until <= :same",
        soci::use(now), soci::use(now), soci::into(due);
    return absl::OkStatus();
  }));
  if (due == 0) return 0;
  ASSIGN_OR_RETURN(const std::vector<DueTask> tasks,
                   store_.WriteValue<std::vector<DueTask>>(Actor(), [](Change& change) {
                     return ClaimTasks(change, kBatch, change.now + kClaim);
                   }));
  for (const DueTask& task : tasks) {
    const RequestScope scope("", task.traceparent);
    ThreadSpan span(SpanOf(task));
    const absl::Status status = Do(task);
    if (status.ok()) continue;
    span->Fail(v1::ErrorReason_Name(ReasonOf(status)));
    LogWarning("a task is put off", {{"task", TaskRecord::Kind_Name(task.record.kind())},
                                     {"stack", task.record.stack()},
                                     {"attempts", task.attempts},
                                     {"error", status.ToString()}});
    RETURN_IF_ERROR(store_.Write(Actor(), [&](Change& change) {
      PostponeTask(change, task, change.now + Backoff(task.attempts));
      return absl::OkStatus();
    }));
  }
  return static_cast<int>(tasks.size());
}

void Saga::Serve() {
  Notifier& tasks = store_.signals().tasks;
  while (!tasks.closed()) {
    const int64_t seen = tasks.Count();
    const auto done = RunDue();
    if (!done.ok()) LogError("tasks cannot be read", {{"error", done.status().ToString()}});
    // Timers, and what other replicas left, show within this time.
    if (!done.ok() || *done == 0) tasks.Wait(seen, absl::Milliseconds(500));
  }
}

absl::Status Saga::Do(const DueTask& task) {
  switch (task.record.kind()) {
    case TaskRecord::RESERVE:
      return Reserve(task);
    case TaskRecord::COMMIT:
      return Commit(task);
    case TaskRecord::RELEASE:
      return Release(task);
    case TaskRecord::END_LEASE:
      return EndLease(task);
    case TaskRecord::EXPIRE_REQUEST:
      return ExpireRequest(task);
    case TaskRecord::CHECK_DRIFT:
      return CheckDrift(task);
    case TaskRecord::CHECK_FIT:
      return CheckFit(task);
    case TaskRecord::RESTORE:
      return Restore(store_, ledger_, task);
    case TaskRecord::WARN_OF_END:
      return Finish(task, [&](Change& change) { return WarnOfEnd(change, task.record); });
    case TaskRecord::BEGIN_BOOKED:
      return Finish(task, [&](Change& change) { return BeginBooked(change, task.record); });
    case TaskRecord::HOLD_ON:
      return HoldOn(store_, ledger_, task);
    case TaskRecord::APPLY_QUOTA_CHANGE:
      return ApplyQuotaChange(store_, quota_changes_, task);
    default:
      return absl::InternalError("a task of an unknown kind");
  }
}

absl::Status Saga::Finish(const DueTask& task, const std::function<absl::Status(Change&)>& body) {
  return store_.Write(Actor(), [&](Change& change) {
    return FinishTask(change, task) ? body(change) : absl::OkStatus();
  });
}

absl::Status Saga::Reserve(const DueTask& task) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("stack", task.record.stack()));
  StackRecord stack;
  RevisionRecord revision;
  bool stale = false;
  RETURN_IF_ERROR(store_.Read([&](soci::session& sql) -> absl::Status {
    const auto found = FindStack(sql, name);
    stale = IsGone(found, task.record.stack_uid());
    if (stale) return absl::OkStatus();
    RETURN_IF_ERROR(found.status());
    stack = *found;
    stale = stack.stack().state() != Stack::PLANNING ||
            stack.stack().latest_revision() != task.record.revision();
    ASSIGN_OR_RETURN(revision, FindRevision(sql, name, task.record.revision()));
    return absl::OkStatus();
  }));
  if (stale) return Finish(task, [](Change&) { return absl::OkStatus(); });

  const v1::Plan& plan = revision.revision().plan();
  v1::Reservation reservation;
  reservation.set_name(ReservationOf(stack.stack(), plan));
  *reservation.mutable_amounts() = plan.amounts();
  reservation.set_user(stack.stack().creator().substr(stack.stack().creator().find('/') + 1));
  reservation.set_holder(stack.stack().name());
  *reservation.mutable_start_time() = stack.stack().lease().start_time();
  *reservation.mutable_end_time() = stack.stack().lease().end_time();
  ASSIGN_OR_RETURN(
      const StoredVersion stored, store_.ReadValue<StoredVersion>([&](soci::session& sql) {
        return FindVersionByName(sql, "template_version", revision.revision().template_version());
      }));
  // What is booked ahead is not applied before its lease begins.
  const absl::Time decided =
      std::max(FromProto(plan.create_time()) + FromProto(stored.version.approval().expires_after()),
               FromProto(stack.stack().lease().start_time()));
  *reservation.mutable_expire_time() = ToProto(decided + kApplyMargin);
  reservation.set_supersedes(stack.reservation());
  const absl::Status status = ledger_.Reserve(reservation);
  // Fail closed: without an answer nothing goes on. Another reservation may be on its way to take
  // the place of the stack's; if that lasts, what it supersedes is not held any more.
  const bool refused = IsRefusal(status) || ReasonOf(status) == v1::REQUEST_ID_REUSED ||
                       (ReasonOf(status) == v1::WRONG_STATE && task.attempts >= kPatience);
  if (!status.ok() && !refused) return status;

  return Finish(task, [&](Change& change) -> absl::Status {
    ASSIGN_OR_RETURN(StackRecord current, LockStack(change, name));
    ASSIGN_OR_RETURN(RevisionRecord latest,
                     FindRevision(change.sql, name, current.stack().latest_revision()));
    const bool moved_on = current.stack().uid() != stack.stack().uid() ||
                          current.stack().state() != Stack::PLANNING ||
                          latest.revision().plan().digest() != plan.digest();
    if (moved_on) {
      if (!status.ok()) return absl::OkStatus();
      ReleaseLater(change, reservation.name());
      return absl::OkStatus();
    }
    if (!status.ok()) return GiveUp(change, current, status, false);
    current.set_pending_reservation(reservation.name());
    return OnReserved(change, current, latest);
  });
}

absl::Status Saga::Commit(const DueTask& task) {
  const absl::Status status = ledger_.Commit(task.record.reservation(), task.record.amounts());
  // WRONG_STATE: released meanwhile, by the end of the stack.
  if (ReasonOf(status) == v1::RESOURCE_NOT_FOUND) {
    // The reconciler reserves anew what a stack has; a release must not wait for this for ever.
    LogError("quota does not know a reservation that is to be committed",
             {{"reservation", task.record.reservation()}});
  } else if (!status.ok() && ReasonOf(status) != v1::WRONG_STATE) {
    return status;
  }
  return Finish(task, [](Change&) { return absl::OkStatus(); });
}

absl::Status Saga::Release(const DueTask& task) {
  // The commit lets go of what the reservation took the place of. One that was overtaken would be
  // refused, and the older reservation held for ever.
  bool committing = false;
  RETURN_IF_ERROR(store_.Read([&](soci::session& sql) {
    committing = HasTask(sql, absl::StrCat("commit/", task.record.reservation()));
    return absl::OkStatus();
  }));
  if (committing) {
    return Error(v1::DEPENDENCY_UNAVAILABLE, "the commit of the reservation goes first",
                 {{"reservation", task.record.reservation()}});
  }
  const absl::Status status = ledger_.Release(task.record.reservation());
  if (!status.ok() && ReasonOf(status) != v1::RESOURCE_NOT_FOUND) return status;
  return Finish(task, [](Change&) { return absl::OkStatus(); });
}

absl::Status Saga::EndLease(const DueTask& task) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("stack", task.record.stack()));
  return store_.Write(Actor(), [&](Change& change) -> absl::Status {
    auto found = LockStack(change, name);
    if (IsGone(found, task.record.stack_uid())) {
      FinishTask(change, task);
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(found.status());
    StackRecord& record = *found;
    const absl::Time end = FromProto(record.stack().lease().end_time());
    if (end > change.now) {
      PostponeTask(change, task, end);
      return absl::OkStatus();
    }
    // A run or a plan that is being priced goes on to its end first.
    if (!Next(record, DestroyAsked{}, change.now).ok()) {
      PostponeTask(change, task, change.now + absl::Seconds(30));
      return absl::OkStatus();
    }
    if (!FinishTask(change, task)) return absl::OkStatus();
    ASSIGN_OR_RETURN(const OperationRecord operation,
                     CreateOperation(change, name.project, record.stack().name(), "endLease",
                                     OperationMetadata::QUEUED, "the lease has ended"));
    return StartDestroy(change, record, operation.operation().name(), false);
  });
}

absl::Status Saga::ExpireRequest(const DueTask& task) {
  return Finish(task, [&](Change& change) {
    return stacks::ExpireRequest(change, task.record.change_request());
  });
}

absl::Status Saga::CheckDrift(const DueTask& task) {
  return store_.Write(Actor(), [&](Change& change) { return OnDriftCheckDue(change, task); });
}

absl::Status Saga::CheckFit(const DueTask& task) {
  ASSIGN_OR_RETURN(const RunName name, RunName::Parse("run", task.record.run()));
  v1::CheckFitRequest question;
  RETURN_IF_ERROR(store_.Read([&](soci::session& sql) -> absl::Status {
    ASSIGN_OR_RETURN(const RunRecord run, FindRun(sql, name));
    ASSIGN_OR_RETURN(question, FitQuestion(sql, run));
    return absl::OkStatus();
  }));
  const auto fit = ledger_.CheckFit(question);
  if (!fit.ok() && !IsRefusal(fit.status())) return fit.status();
  return Finish(task, [&](Change& change) -> absl::Status {
    ASSIGN_OR_RETURN(RunRecord run, FindRun(change.sql, name));
    return EndPreview(change, run, fit.status(), fit.ok() ? &*fit : nullptr);
  });
}

}  // namespace stackyard::stacks
