#include "services/stacks/drift.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "services/stacks/catalog_store.h"
#include "services/stacks/events.h"
#include "services/stacks/lifecycle.h"
#include "services/stacks/operations.h"
#include "services/stacks/proposals.h"
#include "services/stacks/queue_store.h"
#include "services/stacks/row_secrets.h"

namespace stackyard::stacks {
namespace {

using google::longrunning::Operation;
using v1::Run;
using v1::Stack;

// What a stack shows; the row is read with every list.
constexpr int kMostChanges = 100;
constexpr size_t kMostBytes = 256 << 10;
// Addresses in the sentence of an event.
constexpr int kMostNamed = 5;

std::string TaskName(const StackRecord& record) {
  return absl::StrCat("drift/", record.stack().uid());
}

bool IsSettled(Stack::State state) { return state == Stack::READY || state == Stack::FAILED; }

absl::Status CheckCheckable(const StackRecord& record) {
  const Stack& stack = record.stack();
  const auto refuse = [&](std::string_view why) {
    return Error(v1::WRONG_STATE,
                 absl::StrCat(stack.name(), " cannot be checked for drift: ", std::string(why)),
                 {{"resource", stack.name()}, {"state", Stack::State_Name(stack.state())}});
  };
  if (!IsSettled(stack.state())) {
    return refuse(absl::StrCat("it is ", Stack::State_Name(stack.state())));
  }
  if (!stack.active_run().empty()) return refuse("a check goes on already");
  if (stack.resource_count() == 0) return refuse("it has no resources");
  return absl::OkStatus();
}

// Time between checks; zero: none.
absl::StatusOr<absl::Duration> IntervalOf(soci::session& sql, const StackRecord& record) {
  ASSIGN_OR_RETURN(const StoredVersion stored,
                   FindVersionByName(sql, "template_version", record.stack().template_version()));
  return FromProto(stored.version.drift().interval());
}

// Queues a check. `operation` is empty when nobody waits for it.
absl::Status StartDriftCheck(Change& change, StackRecord& record, const std::string& operation) {
  RETURN_IF_ERROR(CheckCheckable(record));
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("name", record.stack().name()));
  RunRecord run;
  run.set_stack_uid(record.stack().uid());
  run.set_operation(operation);
  run.set_template_version(record.stack().template_version());
  run.mutable_run()->set_type(Run::REFRESH);
  run.mutable_run()->set_state(Run::QUEUED);
  run.mutable_run()->set_revision(record.stack().applied_revision());
  RETURN_IF_ERROR(InsertRun(change, name, run));
  RETURN_IF_ERROR(
      Enqueue(change, run.run().name(), record.stack().uid(), internal::v1::Assignment::REFRESH));
  record.mutable_stack()->set_active_run(run.run().name());
  RETURN_IF_ERROR(SaveStack(change, record));
  return AdvanceOperation(change, operation,
                          [&](OperationMetadata& metadata) { metadata.set_run(run.run().name()); });
}

v1::Drift DriftOf(const v1::Plan& plan, absl::Time now) {
  v1::Drift drift;
  *drift.mutable_check_time() = ToProto(now);
  size_t bytes = 0;
  for (const v1::ResourceChange& change : plan.changes()) {
    if (drift.changes_size() == kMostChanges) break;
    v1::ResourceChange& kept = *drift.add_changes() = change;
    bytes += kept.ByteSizeLong();
    if (bytes > kMostBytes) kept.clear_attributes();
  }
  return drift;
}

bool SameChanges(const v1::Drift& a, const v1::Drift& b) {
  return std::equal(a.changes().begin(), a.changes().end(), b.changes().begin(), b.changes().end(),
                    [](const auto& one, const auto& other) {
                      return one.SerializeAsString() == other.SerializeAsString();
                    });
}

absl::Status TellFound(Change& change, const StackName& name, const v1::Plan& plan) {
  std::vector<std::string> addresses;
  for (const v1::ResourceChange& one : plan.changes()) {
    if (addresses.size() == kMostNamed) break;
    addresses.push_back(one.address());
  }
  const int count = plan.changes_size();
  v1::Event event;
  event.set_type("stack.driftFound");
  event.set_resource(name.ToString());
  event.set_message(absl::StrCat(count, count == 1 ? " resource differs" : " resources differ",
                                 " from the state: ", absl::StrJoin(addresses, ", "),
                                 count > kMostNamed ? ", …" : ""));
  auto& details = *event.mutable_details()->mutable_fields();
  details["resources"].set_number_value(count);
  for (const std::string& address : addresses) {
    details["addresses"].mutable_list_value()->add_values()->set_string_value(address);
  }
  return AppendEvent(change, name.project, event);
}

}  // namespace

absl::StatusOr<Operation> DriftChecks::Check(const Principal& caller,
                                             const v1::CheckDriftRequest& request) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("name", request.name()));
  return store_.WriteValue<Operation>(
      ActorOf(caller), [&](Change& change) -> absl::StatusOr<Operation> {
        Operation shown;
        RETURN_IF_ERROR(
            Once(change, request.request_id(), "CheckDrift", request, shown, [&]() -> absl::Status {
              ASSIGN_OR_RETURN(StackRecord record, LockStack(change, name));
              RETURN_IF_ERROR(CheckCheckable(record));
              ASSIGN_OR_RETURN(OperationRecord operation,
                               CreateOperation(change, name.project, name.ToString(), "checkDrift",
                                               OperationMetadata::QUEUED, "waits for a runner"));
              const std::string id = operation.operation().name();
              record.mutable_stack()->set_operation(id);
              RETURN_IF_ERROR(StartDriftCheck(change, record, id));
              ASSIGN_OR_RETURN(operation, FindOperation(change.sql, id));
              shown = Show(operation);
              return absl::OkStatus();
            }));
        return shown;
      });
}

absl::StatusOr<Operation> DriftChecks::Repair(const Principal& caller,
                                              const v1::RepairDriftRequest& request) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("name", request.name()));
  return store_.WriteValue<Operation>(
      ActorOf(caller), [&](Change& change) -> absl::StatusOr<Operation> {
        Operation operation;
        RETURN_IF_ERROR(Once(
            change, request.request_id(), "RepairDrift", request, operation, [&]() -> absl::Status {
              ASSIGN_OR_RETURN(StackRecord record, LockStack(change, name));
              const Stack& stack = record.stack();
              if (stack.state() != Stack::READY) {
                return Error(
                    v1::WRONG_STATE,
                    absl::StrCat(stack.name(), " is ", Stack::State_Name(stack.state()),
                                 "; only a READY stack can be repaired"),
                    {{"resource", stack.name()}, {"state", Stack::State_Name(stack.state())}});
              }
              ASSIGN_OR_RETURN(RevisionRecord applied,
                               FindRevision(change.sql, name, stack.applied_revision()));
              RETURN_IF_ERROR(OpenSecrets(change.sealer, applied));
              ASSIGN_OR_RETURN(const StoredVersion stored,
                               FindVersionByName(change.sql, "template_version",
                                                 applied.revision().template_version()));
              ASSIGN_OR_RETURN(operation, Propose(change, record,
                                                  MakeRevision(stored.version, applied.parameters(),
                                                               "repair of drift", caller.user()),
                                                  "repair"));
              return absl::OkStatus();
            }));
        return operation;
      });
}

absl::Status ScheduleDriftCheck(Change& change, const StackRecord& record) {
  ASSIGN_OR_RETURN(const absl::Duration interval, IntervalOf(change.sql, record));
  if (interval <= absl::ZeroDuration()) {
    DropTask(change, TaskName(record));
    return absl::OkStatus();
  }
  TaskRecord task;
  task.set_kind(TaskRecord::CHECK_DRIFT);
  task.set_stack(record.stack().name());
  task.set_stack_uid(record.stack().uid());
  AddTask(change, TaskName(record), task, change.now + interval);
  return absl::OkStatus();
}

void DropDriftCheck(Change& change, StackRecord& record) {
  record.mutable_stack()->clear_drift();
  DropTask(change, TaskName(record));
}

absl::Status OnDriftCheckDue(Change& change, const DueTask& task) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("stack", task.record.stack()));
  auto found = LockStack(change, name);
  if (!found.ok() && ReasonOf(found.status()) != v1::RESOURCE_NOT_FOUND) return found.status();
  const bool gone = !found.ok() || found->stack().uid() != task.record.stack_uid() ||
                    !HoldsName(found->stack().state());
  absl::Duration interval;
  if (!gone) {
    ASSIGN_OR_RETURN(interval, IntervalOf(change.sql, *found));
  }
  if (gone || interval <= absl::ZeroDuration()) {
    FinishTask(change, task);
    return absl::OkStatus();
  }
  if (found->stack().state() == Stack::READY && CheckCheckable(*found).ok()) {
    RETURN_IF_ERROR(StartDriftCheck(change, *found, ""));
  }
  PostponeTask(change, task, change.now + interval);
  return absl::OkStatus();
}

absl::Status OnDriftChecked(Change& change, StackRecord& record, const RunRecord& run,
                            const internal::v1::PlanSummary& summary) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("name", record.stack().name()));
  Stack& stack = *record.mutable_stack();
  stack.clear_active_run();
  const v1::Drift found = DriftOf(summary.plan(), change.now);
  const bool news = !found.changes().empty() && !SameChanges(found, stack.drift());
  *stack.mutable_drift() = found;
  if (news) RETURN_IF_ERROR(TellFound(change, name, summary.plan()));
  RETURN_IF_ERROR(ScheduleDriftCheck(change, record));
  RETURN_IF_ERROR(SaveStack(change, record));
  return FinishOperation(change, run.operation(), absl::OkStatus(), &stack);
}

absl::Status OnDriftCheckFailed(Change& change, StackRecord& record, const RunRecord& run,
                                const absl::Status& why) {
  record.mutable_stack()->clear_active_run();
  RETURN_IF_ERROR(SaveStack(change, record));
  return FinishOperation(change, run.operation(), why, nullptr);
}

absl::Status YieldDriftCheck(Change& change, StackRecord& record, Stack::State from) {
  const std::string active = record.stack().active_run();
  // Only a check gives a settled stack a run.
  if (active.empty() || !IsSettled(from)) return absl::OkStatus();
  record.mutable_stack()->clear_active_run();
  ASSIGN_OR_RETURN(const RunName name, RunName::Parse("active_run", active));
  ASSIGN_OR_RETURN(RunRecord run, FindRun(change.sql, name));
  if (auto entry = FindEntry(change, active)) {
    // The next generation, so that a completion on its way is refused.
    ++entry->generation;
    FinishEntry(change, *entry);
  }
  const absl::Status why =
      Error(v1::RUN_CANCELLED, "the check for drift gave way to a change of the stack",
            {{"run", active}});
  run.mutable_run()->set_state(Run::CANCELLED);
  *run.mutable_run()->mutable_error() = ToProto(why);
  *run.mutable_run()->mutable_end_time() = ToProto(change.now);
  RETURN_IF_ERROR(SaveRun(change, run));
  return FinishOperation(change, run.operation(), why, nullptr);
}

}  // namespace stackyard::stacks
