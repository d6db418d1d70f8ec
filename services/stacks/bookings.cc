#include "services/stacks/bookings.h"

#include "absl/strings/str_cat.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "services/stacks/flow.h"
#include "services/stacks/operations.h"

namespace stackyard::stacks {
namespace {

std::string TaskName(const std::string& uid) { return absl::StrCat("begin/", uid); }

}  // namespace

bool IsAhead(const StackRecord& record, absl::Time now) {
  return FromProto(record.stack().lease().start_time()) > now;
}

absl::Status Begin(Change& change, StackRecord& record, RevisionRecord& revision) {
  if (!IsAhead(record, change.now)) return StartApply(change, record, revision);
  Stack& stack = *record.mutable_stack();
  const absl::Time start = FromProto(stack.lease().start_time());
  TaskRecord task;
  task.set_kind(TaskRecord::BEGIN_BOOKED);
  task.set_stack(stack.name());
  task.set_stack_uid(stack.uid());
  task.set_revision(revision.revision().number());
  AddTask(change, TaskName(stack.uid()), task, start);
  const std::string message =
      absl::StrCat("approved, and booked: it begins at ",
                   absl::FormatTime("%Y-%m-%d %H:%M UTC", start, absl::UTCTimeZone()));
  stack.mutable_state_detail()->set_message(message);
  RETURN_IF_ERROR(SaveStack(change, record));
  return AdvanceOperation(change, stack.operation(),
                          [&](OperationMetadata& metadata) { metadata.set_message(message); });
}

absl::Status BeginBooked(Change& change, const TaskRecord& task) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("stack", task.stack()));
  auto found = LockStack(change, name);
  if (IsGone(found, task.stack_uid())) return absl::OkStatus();
  RETURN_IF_ERROR(found.status());
  const bool waits = found->stack().state() == Stack::AWAITING_APPROVAL &&
                     found->stack().latest_revision() == task.revision();
  if (!waits) return absl::OkStatus();
  if (FromProto(found->stack().lease().end_time()) <= change.now) {
    return GiveUp(change, *found,
                  Error(v1::WRONG_STATE, "its lease was over before it could begin"), false);
  }
  ASSIGN_OR_RETURN(RevisionRecord revision, FindRevision(change.sql, name, task.revision()));
  return StartApply(change, *found, revision);
}

void ForgetBooking(Change& change, const StackRecord& record) {
  DropTask(change, TaskName(record.stack().uid()));
}

}  // namespace stackyard::stacks
