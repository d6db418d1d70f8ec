#include "services/stacks/flow.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "services/stacks/bookings.h"
#include "services/stacks/catalog_store.h"
#include "services/stacks/change_request_store.h"
#include "services/stacks/change_requests.h"
#include "services/stacks/drift.h"
#include "services/stacks/events.h"
#include "services/stacks/imports.h"
#include "services/stacks/leases.h"
#include "services/stacks/meters.h"
#include "services/stacks/operations.h"
#include "services/stacks/plan_requests.h"
#include "services/stacks/publications.h"
#include "services/stacks/queue_store.h"
#include "services/stacks/quota_tasks.h"
#include "services/stacks/shown_state.h"
#include "services/stacks/state_locks.h"
#include "services/stacks/takeover.h"
#include "services/stacks/task_store.h"
#include "services/stacks/waiting.h"

namespace stackyard::stacks {
namespace {

// Longer than a call to quota takes.
constexpr absl::Duration kReserveGuard = absl::Minutes(2);

using internal::v1::Assignment;
using internal::v1::PlanSummary;
using v1::ChangeRequest;
using v1::ResourceChange;
using v1::Revision;
using v1::Run;

absl::StatusOr<StackName> NameOf(const StackRecord& record) {
  return StackName::Parse("name", record.stack().name());
}

absl::StatusOr<RevisionRecord> LatestRevision(Change& change, const StackRecord& record) {
  ASSIGN_OR_RETURN(const StackName name, NameOf(record));
  return FindRevision(change.sql, name, record.stack().latest_revision());
}

absl::Status SetRevisionState(Change& change, const StackRecord& record, RevisionRecord& revision,
                              Revision::State state) {
  ASSIGN_OR_RETURN(const StackName name, NameOf(record));
  revision.mutable_revision()->set_state(state);
  return SaveRevision(change, name, revision);
}

// Makes a run, points stack and operation to it, and queues it.
absl::Status QueueRun(Change& change, StackRecord& record, RunRecord run, Assignment::Work work,
                      const std::string& message) {
  ASSIGN_OR_RETURN(const StackName name, NameOf(record));
  Stack& stack = *record.mutable_stack();
  run.set_stack_uid(stack.uid());
  run.set_operation(stack.operation());
  run.set_template_version(stack.template_version());
  run.mutable_run()->set_state(Run::QUEUED);
  run.mutable_run()->set_revision(stack.latest_revision());
  RETURN_IF_ERROR(InsertRun(change, name, run));
  stack.set_active_run(run.run().name());
  RETURN_IF_ERROR(Enqueue(change, run.run().name(), stack.uid(), work));
  const auto held = FindStateLock(change.sql, stack.uid());
  return AdvanceOperation(change, stack.operation(), [&](OperationMetadata& metadata) {
    metadata.set_stage(OperationMetadata::QUEUED);
    metadata.set_run(run.run().name());
    metadata.set_message(
        held ? absl::StrCat("waits for the lock of the state, which ", held->lock.who(), " holds")
             : message);
    metadata.clear_progress();
  });
}

// What a plan does, in a form that can be compared.
std::vector<std::string> ActionsOf(const v1::Plan& plan) {
  std::vector<std::string> actions;
  for (const ResourceChange& change : plan.changes()) {
    if (change.action() == ResourceChange::NO_OP || change.action() == ResourceChange::READ) {
      continue;
    }
    actions.push_back(
        absl::StrCat(ResourceChange::Action_Name(change.action()), " ", change.address()));
  }
  std::sort(actions.begin(), actions.end());
  return actions;
}

// Whether an approval for what stands in the revision covers its plan of now.
bool IsCovered(const RevisionRecord& revision) {
  if (!revision.approved()) return false;
  const auto actions = ActionsOf(revision.revision().plan());
  return std::includes(revision.approved_actions().begin(), revision.approved_actions().end(),
                       actions.begin(), actions.end());
}

bool DoesNothing(const v1::Plan& plan) {
  return ActionsOf(plan).empty() && plan.changed_outputs().empty();
}

absl::Status AskReview(Change& change, StackRecord& record, RevisionRecord& revision,
                       const v1::ApprovalPolicy& policy) {
  ASSIGN_OR_RETURN(const StackName name, NameOf(record));
  ChangeRequest request = RequestForPlan(record, revision);
  // After the end of the lease there is nothing to decide.
  RETURN_IF_ERROR(OpenRequest(change, name.project, request, policy,
                              FromProto(record.stack().lease().end_time())));

  RETURN_IF_ERROR(Move(change, record, ReviewAsked{request.name()},
                       absl::StrCat(request.name(), " asks for review: ", request.summary())));
  RETURN_IF_ERROR(SaveStack(change, record));
  return AdvanceOperation(change, record.stack().operation(), [&](OperationMetadata& metadata) {
    metadata.set_stage(OperationMetadata::AWAITING_APPROVAL);
    metadata.set_change_request(request.name());
    metadata.set_message(absl::StrCat("waits for ", policy.required_approvals(), " approval",
                                      policy.required_approvals() == 1 ? "" : "s", " by ",
                                      policy.reviewer_role()));
  });
}

// The reservation follows what the state holds.
void SettleQuota(Change& change, StackRecord& record) {
  const bool holds = record.stack().resource_count() > 0 || !record.reservation().empty();
  if (!record.pending_reservation().empty()) {
    if (!holds) {
      ReleaseLater(change, record.pending_reservation());
    } else {
      record.set_reservation(record.pending_reservation());
      record.clear_held_until();
    }
    record.clear_pending_reservation();
  }
  if (holds) CommitLater(change, record.reservation(), record.stack().amounts());
}

// Ends the review of a plan, when something else decided.
absl::Status WithdrawPlan(Change& change, const StackRecord& record) {
  if (record.stack().change_request().empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(ChangeRequest request,
                   LockChangeRequest(change, record.stack().change_request()));
  if (request.state() != ChangeRequest::PENDING) return absl::OkStatus();
  return CloseRequest(change, request, ChangeRequest::WITHDRAWN, "the stack was deleted meanwhile");
}

// Whatever becomes of the stack, it goes on to tell what a lost runner may have left.
void AddUnsaved(Change& change, StackRecord& record) {
  const std::string text = UnsavedText(change.sql, record.stack().uid());
  if (text.empty()) return;
  std::string& message = *record.mutable_stack()->mutable_state_detail()->mutable_message();
  absl::StrAppend(&message, "; ", text);
}

}  // namespace

absl::Status Move(Change& change, StackRecord& record, const StackEvent& event,
                  const std::string& message) {
  ASSIGN_OR_RETURN(const StackName name, NameOf(record));
  const Stack::State from = record.stack().state();
  ASSIGN_OR_RETURN(record, Next(record, event, change.now));
  AddUnsaved(change, record);
  RETURN_IF_ERROR(YieldDriftCheck(change, record, from));
  v1::Event entry;
  entry.set_type(EventType(event));
  entry.set_resource(record.stack().name());
  entry.set_message(message);
  entry.set_from_state(Stack::State_Name(from));
  entry.set_to_state(Stack::State_Name(record.stack().state()));
  RETURN_IF_ERROR(AppendEvent(change, name.project, entry));
  if (!HoldsName(record.stack().state())) LetGoOfName(change, record);
  return absl::OkStatus();
}

absl::Status StartPlan(Change& change, StackRecord& record, const std::string& operation) {
  RETURN_IF_ERROR(CheckFree(record, change.now));
  RenewLease(record, change.now);
  record.mutable_stack()->set_operation(operation);
  RETURN_IF_ERROR(
      Move(change, record, PlanAsked{},
           absl::StrCat("revision ", record.stack().latest_revision(), " is to be planned")));
  RunRecord run;
  run.mutable_run()->set_type(Run::PLAN);
  RETURN_IF_ERROR(QueueRun(change, record, run, Assignment::PLAN, "waits for a runner to plan"));
  return SaveStack(change, record);
}

absl::Status OnPlanned(Change& change, StackRecord& record, const RunRecord& run,
                       const PlanSummary& summary) {
  ASSIGN_OR_RETURN(const StackName name, NameOf(record));
  ASSIGN_OR_RETURN(RevisionRecord revision, LatestRevision(change, record));
  ASSIGN_OR_RETURN(const StoredVersion stored,
                   FindVersionByName(change.sql, "template_version", run.template_version()));
  record.mutable_stack()->clear_active_run();
  auto price = PriceOfStack(stored.version.meters(),
                            {summary.resources().begin(), summary.resources().end()});
  if (!price.ok()) return GiveUp(change, record, price.status(), false);
  CountImported(record, *price);

  v1::Plan& plan = *revision.mutable_revision()->mutable_plan();
  plan = summary.plan();
  plan.mutable_amounts()->Assign(price->amounts.begin(), price->amounts.end());
  plan.set_estimated_micros_per_hour(price->micros_per_hour);
  plan.set_currency(price->currency);
  plan.set_price_date(price->price_date);
  plan.set_state_serial(record.state_serial());
  *plan.mutable_create_time() = ToProto(change.now);
  RETURN_IF_ERROR(SaveRevision(change, name, revision));
  if (IsForbidden(plan)) {
    return RejectByPolicy(change, record, revision, stored.version.approval());
  }

  TaskRecord task;
  task.set_kind(TaskRecord::RESERVE);
  task.set_stack(record.stack().name());
  task.set_stack_uid(record.stack().uid());
  task.set_revision(revision.revision().number());
  AddTask(change, absl::StrCat("reserve/", record.stack().uid()), task, change.now);

  record.mutable_stack()->mutable_state_detail()->set_message("reserves quota for the plan");
  RETURN_IF_ERROR(SaveStack(change, record));
  return AdvanceOperation(change, record.stack().operation(), [&](OperationMetadata& metadata) {
    metadata.set_stage(OperationMetadata::RESERVING);
    metadata.set_message(Summarize(plan));
  });
}

absl::Status OnReserved(Change& change, StackRecord& record, RevisionRecord& revision) {
  ASSIGN_OR_RETURN(
      const StoredVersion stored,
      FindVersionByName(change.sql, "template_version", revision.revision().template_version()));
  const v1::ApprovalPolicy& policy = stored.version.approval();
  const v1::Plan& plan = revision.revision().plan();
  // What an import brings is new to the project, though Terraform need do nothing; and what it does
  // not know it would destroy.
  const bool free =
      record.imported()
          ? policy.mode() == v1::ApprovalPolicy::AUTO && plan.to_destroy() + plan.to_replace() == 0
          : policy.mode() == v1::ApprovalPolicy::AUTO || DoesNothing(plan);
  const bool decided = free || IsCovered(revision);
  if (decided && !IsAhead(record, change.now)) return StartApply(change, record, revision);
  RETURN_IF_ERROR(AskReview(change, record, revision, policy));
  if (!decided) return absl::OkStatus();
  // What is booked ahead waits where approved plans wait.
  ASSIGN_OR_RETURN(ChangeRequest request,
                   LockChangeRequest(change, record.stack().change_request()));
  RETURN_IF_ERROR(CloseRequest(change, request, ChangeRequest::APPROVED,
                               "it needs no review, and quota admits it"));
  return Begin(change, record, revision);
}

absl::Status StartApply(Change& change, StackRecord& record, RevisionRecord& revision) {
  const v1::Plan& plan = revision.revision().plan();
  revision.set_approved(true);
  revision.clear_approved_actions();
  for (std::string& action : ActionsOf(plan)) revision.add_approved_actions(std::move(action));
  RETURN_IF_ERROR(SetRevisionState(change, record, revision, Revision::APPLYING));
  RETURN_IF_ERROR(Move(change, record, ApplyAsked{},
                       absl::StrCat("the plan is to be applied: ", Summarize(plan))));
  RunRecord run;
  run.mutable_run()->set_type(Run::APPLY);
  run.mutable_run()->mutable_progress()->set_total(plan.to_create() + plan.to_update() +
                                                   plan.to_replace() + plan.to_destroy());
  run.set_plan_digest(plan.digest());
  RETURN_IF_ERROR(QueueRun(change, record, run, Assignment::APPLY, "waits for a runner to apply"));
  return SaveStack(change, record);
}

absl::Status OnApplied(Change& change, StackRecord& record, const RunRecord& run,
                       const StateFile& state) {
  ASSIGN_OR_RETURN(RevisionRecord revision, LatestRevision(change, record));
  RETURN_IF_ERROR(SetRevisionState(change, record, revision, Revision::APPLIED));
  record.mutable_stack()->clear_active_run();
  ForgetUnsaved(change, record.stack().uid(), revision.revision().number());
  RETURN_IF_ERROR(TakeState(change, record, state, &revision));
  RETURN_IF_ERROR(Move(change, record, Applied{revision.revision().number()},
                       absl::StrCat("revision ", revision.revision().number(), " is applied")));
  record.clear_imported();
  record.clear_imported_amounts();
  record.clear_destroy_attempts();
  SettleQuota(change, record);
  WatchLease(change, record, absl::ZeroDuration());
  record.mutable_stack()->clear_drift();
  RETURN_IF_ERROR(ScheduleDriftCheck(change, record));
  RETURN_IF_ERROR(SaveStack(change, record));
  PublishLater(change, record);
  return FinishOperation(change, run.operation(), absl::OkStatus(), &record.stack());
}

absl::Status OnBroken(Change& change, StackRecord& record, const RunRecord& run,
                      const StateFile& state, const absl::Status& why) {
  const bool applies = run.run().type() == Run::APPLY;
  ASSIGN_OR_RETURN(RevisionRecord revision, LatestRevision(change, record));
  if (applies) RETURN_IF_ERROR(SetRevisionState(change, record, revision, Revision::FAILED));
  record.mutable_stack()->clear_active_run();
  RETURN_IF_ERROR(TakeState(change, record, state, applies ? &revision : nullptr));
  RETURN_IF_ERROR(CoverApplied(change, record, state));
  RETURN_IF_ERROR(Move(change, record, Broken{why}, std::string(why.message())));
  absl::Duration retry = kRetryDestroy;
  if (!applies) {
    ASSIGN_OR_RETURN(retry, OnDestroyFailed(change, record, why));
  }
  AddUnsaved(change, record);
  SettleQuota(change, record);
  if (HoldsAnything(record)) WatchLease(change, record, retry);
  RETURN_IF_ERROR(SaveStack(change, record));
  return FinishOperation(change, run.operation(), why, nullptr);
}

absl::Status OnCancelled(Change& change, StackRecord& record, const RunRecord& run,
                         const absl::Status& why) {
  const bool untouched = run.run().type() != Run::DESTROY && run.run().generation() == 0;
  if (run.run().type() == Run::PLAN || untouched) return GiveUp(change, record, why, true);
  const bool applies = run.run().type() == Run::APPLY;
  if (applies) {
    ASSIGN_OR_RETURN(RevisionRecord revision, LatestRevision(change, record));
    RETURN_IF_ERROR(SetRevisionState(change, record, revision, Revision::FAILED));
  }
  record.mutable_stack()->clear_active_run();
  RETURN_IF_ERROR(Move(change, record, Broken{why}, std::string(why.message())));
  absl::Duration retry = kRetryDestroy;
  if (!applies) {
    ASSIGN_OR_RETURN(retry, OnDestroyFailed(change, record, why));
  }
  SettleQuota(change, record);
  if (HoldsAnything(record)) WatchLease(change, record, retry);
  RETURN_IF_ERROR(SaveStack(change, record));
  return FinishOperation(change, run.operation(), why, nullptr);
}

absl::Status GiveUp(Change& change, StackRecord& record, const absl::Status& why, bool refused) {
  // Whoever holds the lock of a new stack may have made something that is not written yet.
  if (record.settled() == Stack::STATE_UNSPECIFIED &&
      FindStateLock(change.sql, record.stack().uid())) {
    record.set_settled(Stack::FAILED);
  }
  ASSIGN_OR_RETURN(const StackName name, NameOf(record));
  ASSIGN_OR_RETURN(RevisionRecord revision, LatestRevision(change, record));
  RETURN_IF_ERROR(
      SetRevisionState(change, record, revision, refused ? Revision::REJECTED : Revision::FAILED));
  record.mutable_stack()->clear_active_run();
  RETURN_IF_ERROR(Move(change, record, GivenUp{why, refused}, std::string(why.message())));
  Stack& stack = *record.mutable_stack();
  ReleaseLater(change, record.pending_reservation());
  record.clear_pending_reservation();
  DropTask(change, absl::StrCat("reserve/", stack.uid()));
  if (stack.applied_revision() > 0) {
    // What is shown is what is there.
    ASSIGN_OR_RETURN(const RevisionRecord applied,
                     FindRevision(change.sql, name, stack.applied_revision()));
    *stack.mutable_parameters() = applied.revision().parameters();
    stack.set_template_version(applied.revision().template_version());
  }
  if (stack.state() == Stack::REJECTED) ForgetImported(record);
  RETURN_IF_ERROR(SaveStack(change, record));
  return FinishOperation(change, stack.operation(), why, nullptr);
}

absl::Status PlanRest(Change& change, StackRecord& record, const std::string& operation,
                      const std::string& why) {
  RETURN_IF_ERROR(Move(change, record, PlanStale{why}, absl::StrCat("planned again: ", why)));
  record.mutable_stack()->set_operation(operation);
  // Resources exist: what was reserved for them is theirs, and no way leads back to a new stack.
  record.set_settled(Stack::FAILED);
  if (!record.pending_reservation().empty()) {
    ASSIGN_OR_RETURN(const RevisionRecord revision, LatestRevision(change, record));
    record.set_reservation(record.pending_reservation());
    record.clear_held_until();
    record.clear_pending_reservation();
    // Of what was there and what was to come, any part may be there now.
    Stack& stack = *record.mutable_stack();
    RaiseAmounts(revision.revision().plan().amounts(), *stack.mutable_amounts());
    CommitLater(change, record.reservation(), stack.amounts());
  }
  if (HoldsAnything(record)) WatchLease(change, record, kRetryDestroy);
  RunRecord run;
  run.mutable_run()->set_type(Run::PLAN);
  RETURN_IF_ERROR(
      QueueRun(change, record, run, Assignment::PLAN, "waits for a runner to plan the rest"));
  return SaveStack(change, record);
}

absl::Status PlanAgain(Change& change, StackRecord& record, const std::string& why) {
  RETURN_IF_ERROR(Move(change, record, PlanStale{why}, absl::StrCat("planned again: ", why)));
  // The new plan is reserved anew.
  ReleaseLater(change, record.pending_reservation());
  record.clear_pending_reservation();
  RunRecord run;
  run.mutable_run()->set_type(Run::PLAN);
  RETURN_IF_ERROR(
      QueueRun(change, record, run, Assignment::PLAN, "waits for a runner to plan again"));
  return SaveStack(change, record);
}

absl::Status PlanFromState(Change& change, StackRecord& record, const std::string& why) {
  const Stack::State state = record.stack().state();
  // Destroying plans for itself, from the state that there is.
  if (state == Stack::DESTROYING) return absl::OkStatus();
  const std::string active = record.stack().active_run();
  if (active.empty()) {
    // The plan is being reserved.
    if (state != Stack::PENDING && state != Stack::PLANNING) return absl::OkStatus();
    DropTask(change, absl::StrCat("reserve/", record.stack().uid()));
    // Quota may have been asked already. Not given back at once: that may overtake the call.
    ASSIGN_OR_RETURN(const RevisionRecord revision, LatestRevision(change, record));
    if (revision.revision().has_plan()) {
      GuardReservation(change, ReservationOf(record.stack(), revision.revision().plan()),
                       change.now + kReserveGuard);
    }
    RunRecord run;
    run.mutable_run()->set_type(Run::PLAN);
    RETURN_IF_ERROR(
        QueueRun(change, record, run, Assignment::PLAN, "waits for a runner to plan again"));
    return SaveStack(change, record);
  }
  auto entry = FindEntry(change, active);
  if (!entry) return absl::OkStatus();
  if (state != Stack::APPLYING) {
    // A runner that plans loses the run: the next one starts from the new state.
    if (entry->leased) GiveBack(change, *entry);
    return absl::OkStatus();
  }
  ++entry->generation;
  FinishEntry(change, *entry);
  ASSIGN_OR_RETURN(const RunName name, RunName::Parse("active_run", active));
  ASSIGN_OR_RETURN(RunRecord run, FindRun(change.sql, name));
  const bool begun = run.run().generation() > 0;
  run.mutable_run()->set_state(Run::CANCELLED);
  *run.mutable_run()->mutable_error() = ToProto(Error(v1::RUN_CANCELLED, why, {{"run", active}}));
  *run.mutable_run()->mutable_end_time() = ToProto(change.now);
  RETURN_IF_ERROR(SaveRun(change, run));
  return begun ? PlanRest(change, record, run.operation(), why) : PlanAgain(change, record, why);
}

absl::Status StartDestroy(Change& change, StackRecord& record, const std::string& operation,
                          bool abandon) {
  RETURN_IF_ERROR(WithdrawWaiting(change, record));
  const std::string before = record.stack().operation();
  const bool waiting = record.stack().state() == Stack::AWAITING_APPROVAL;
  RETURN_IF_ERROR(Move(change, record, DestroyAsked{},
                       abandon             ? "its resources are forgotten"
                       : record.imported() ? "its resources are forgotten: they were imported and "
                                             "nothing was applied in full since"
                                           : "it is to be destroyed"));
  if (waiting) {
    RETURN_IF_ERROR(WithdrawPlan(change, record));
    RETURN_IF_ERROR(FinishOperation(
        change, before, Error(v1::REQUEST_CLOSED, "the stack was deleted meanwhile"), nullptr));
    ReleaseLater(change, record.pending_reservation());
    record.clear_pending_reservation();
  }
  record.mutable_stack()->set_operation(operation);
  // Who holds the lock may be making something: the run waits for them.
  const bool empty = record.stack().resource_count() == 0 &&
                     !FindStateLock(change.sql, record.stack().uid()).has_value();
  if (abandon || record.imported() || empty) return OnDestroyed(change, record, operation);
  RunRecord run;
  run.mutable_run()->set_type(Run::DESTROY);
  RETURN_IF_ERROR(
      QueueRun(change, record, run, Assignment::DESTROY, "waits for a runner to destroy"));
  return SaveStack(change, record);
}

absl::Status OnDestroyed(Change& change, StackRecord& record, const std::string& operation) {
  RETURN_IF_ERROR(Move(change, record, Gone{}, "it is gone"));
  Stack& stack = *record.mutable_stack();
  stack.clear_active_run();
  stack.clear_outputs();
  stack.clear_files();
  stack.clear_amounts();
  stack.set_resource_count(0);
  stack.clear_estimated_micros_per_hour();
  stack.clear_currency();
  stack.clear_price_date();
  ReleaseLater(change, record.reservation());
  ReleaseLater(change, record.pending_reservation());
  record.clear_reservation();
  record.clear_pending_reservation();
  DropDriftCheck(change, record);
  ForgetUnsaved(change, stack.uid(), INT64_MAX);
  record.clear_held_until();
  ForgetLease(change, record);
  ForgetBooking(change, record);
  RETURN_IF_ERROR(SaveStack(change, record));
  return FinishOperation(change, operation, absl::OkStatus(), &record.stack());
}

}  // namespace stackyard::stacks
