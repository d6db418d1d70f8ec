#include "services/stacks/leases.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/proto_time.h"
#include "services/stacks/catalog_store.h"
#include "services/stacks/events.h"
#include "services/stacks/quota_holds.h"

namespace stackyard::stacks {
namespace {

constexpr absl::Duration kFirstRetry = absl::Minutes(5);
constexpr absl::Duration kLastRetry = absl::Hours(6);

TaskRecord TaskOf(const StackRecord& record, TaskRecord::Kind kind) {
  TaskRecord task;
  task.set_kind(kind);
  task.set_stack(record.stack().name());
  task.set_stack_uid(record.stack().uid());
  return task;
}

std::string NameOf(const char* what, const std::string& uid) { return absl::StrCat(what, uid); }

std::string Text(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

// Which warning is due, and which comes after it.
struct Leads {
  std::optional<absl::Duration> due;
  std::optional<absl::Duration> next;
};

Leads FindLeads(const StackRecord& record, const v1::LeasePolicy& policy, absl::Time now) {
  const absl::Time end = FromProto(record.stack().lease().end_time());
  const absl::Duration length = end - FromProto(record.stack().lease().start_time());
  const absl::Duration seen =
      record.has_warned_lead() ? FromProto(record.warned_lead()) : absl::InfiniteDuration();
  Leads leads;
  for (const auto& warning : policy.warnings()) {
    const absl::Duration lead = FromProto(warning);
    if (lead <= absl::ZeroDuration() || lead >= length || lead >= seen) continue;
    if (end - lead <= now) {
      leads.due = std::min(lead, leads.due.value_or(lead));
    } else {
      leads.next = std::max(lead, leads.next.value_or(lead));
    }
  }
  return leads;
}

}  // namespace

void WatchLease(Change& change, const StackRecord& record, absl::Duration earliest) {
  const std::string& uid = record.stack().uid();
  const absl::Time end = FromProto(record.stack().lease().end_time());
  AddTask(change, NameOf("lease/", uid), TaskOf(record, TaskRecord::END_LEASE),
          std::max(end, change.now + earliest));
  // It finds out by itself when it is due.
  AddTask(change, NameOf("warn/", uid), TaskOf(record, TaskRecord::WARN_OF_END), change.now);
  AddTask(change, NameOf("hold/", uid), TaskOf(record, TaskRecord::HOLD_ON), HoldOnAt(record));
}

void ForgetLease(Change& change, const StackRecord& record) {
  for (const char* what : {"lease/", "warn/", "hold/"}) {
    DropTask(change, NameOf(what, record.stack().uid()));
  }
}

void RenewLease(StackRecord& record, absl::Time now) {
  v1::Lease& lease = *record.mutable_stack()->mutable_lease();
  const bool fresh = record.stack().resource_count() == 0 && record.reservation().empty();
  if (!fresh || FromProto(lease.start_time()) >= now) return;
  *lease.mutable_start_time() = ToProto(now);
  *lease.mutable_end_time() = ToProto(now + FromProto(lease.duration()));
}

absl::Status WarnOfEnd(Change& change, const TaskRecord& task) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("stack", task.stack()));
  auto found = LockStack(change, name);
  if (IsGone(found, task.stack_uid())) return absl::OkStatus();
  RETURN_IF_ERROR(found.status());
  StackRecord& record = *found;
  const v1::Stack& stack = record.stack();
  const absl::Time end = FromProto(stack.lease().end_time());
  // Who deletes a stack knows that it ends.
  if (end <= change.now || stack.state() == v1::Stack::DESTROYING) return absl::OkStatus();
  ASSIGN_OR_RETURN(const StoredVersion stored,
                   FindVersionByName(change.sql, "template_version", stack.template_version()));
  const Leads leads = FindLeads(record, stored.version.lease(), change.now);
  if (leads.due) {
    v1::Event event;
    event.set_type("stack.leaseWarning");
    event.set_resource(stack.name());
    event.set_message(absl::StrCat("its lease ends in ", absl::FormatDuration(end - change.now),
                                   ", at ", Text(end), ": then it is destroyed"));
    auto& details = *event.mutable_details()->mutable_fields();
    details["endTime"].set_string_value(Text(end));
    details["lead"].set_string_value(absl::FormatDuration(*leads.due));
    details["creator"].set_string_value(stack.creator());
    RETURN_IF_ERROR(AppendEvent(change, name.project, event));
    *record.mutable_warned_lead() = ToProto(*leads.due);
    RETURN_IF_ERROR(SaveStack(change, record));
  }
  if (leads.next) AddTask(change, NameOf("warn/", stack.uid()), task, end - *leads.next);
  return absl::OkStatus();
}

absl::StatusOr<absl::Duration> OnDestroyFailed(Change& change, StackRecord& record,
                                               const absl::Status& why) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("name", record.stack().name()));
  const int attempts = record.destroy_attempts() + 1;
  record.set_destroy_attempts(attempts);
  const absl::Duration wait = RetryDestroyIn(attempts);
  v1::Stack& stack = *record.mutable_stack();
  const absl::Time next = std::max(FromProto(stack.lease().end_time()), change.now + wait);
  const std::string message =
      absl::StrCat("could not be destroyed, ", attempts, attempts == 1 ? " attempt" : " attempts",
                   "; tried again at ", Text(next), ": ", std::string(why.message()));
  stack.mutable_state_detail()->set_message(message);
  v1::Event event;
  event.set_type("stack.destroyFailed");
  event.set_resource(stack.name());
  event.set_message(message);
  auto& details = *event.mutable_details()->mutable_fields();
  details["attempts"].set_number_value(attempts);
  details["nextTry"].set_string_value(Text(next));
  details["creator"].set_string_value(stack.creator());
  RETURN_IF_ERROR(AppendEvent(change, name.project, event));
  return wait;
}

absl::Duration RetryDestroyIn(int attempts) {
  return std::min(kFirstRetry * (int64_t{1} << std::clamp(attempts - 1, 0, 20)), kLastRetry);
}

}  // namespace stackyard::stacks
