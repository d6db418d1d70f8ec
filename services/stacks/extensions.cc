#include "services/stacks/extensions.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/id.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "services/stacks/catalog_store.h"
#include "services/stacks/change_request_store.h"
#include "services/stacks/events.h"
#include "services/stacks/leases.h"
#include "services/stacks/lifecycle.h"
#include "services/stacks/quota_tasks.h"
#include "services/stacks/stack_manager.h"
#include "services/stacks/waiting.h"

namespace stackyard::stacks {
namespace {

constexpr size_t kMostReason = 1000;
// Within this time a reservation is written down, or given back.
constexpr absl::Duration kGuard = absl::Minutes(2);
// How long a reservation outlives the deadline of its review, so that it can be committed.
constexpr absl::Duration kMargin = absl::Hours(24);

std::string Text(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M UTC", time, absl::UTCTimeZone());
}

absl::Status CheckWords(const v1::ExtendStackRequest& request) {
  Violations violations;
  if (!StackName::Parse("name", request.name()).ok()) {
    violations.Add("name", "must look like projects/*/stacks/*");
  }
  if (!request.has_duration()) {
    violations.Add("duration", "is missing");
  } else if (FromProto(request.duration()) <= absl::ZeroDuration()) {
    violations.Add("duration", "must be more than nothing");
  }
  if (request.reason().empty()) {
    violations.Add("reason", "is missing: reviewers read it");
  } else if (request.reason().size() > kMostReason) {
    violations.Add("reason", absl::StrCat("must have at most ", kMostReason, " characters"));
  }
  return violations.ToStatus();
}

// Whether a stack may have a longer lease.
absl::Status CheckExtendable(const StackRecord& record, const v1::LeasePolicy& policy,
                             absl::Duration more, absl::Time now) {
  const v1::Stack& stack = record.stack();
  const bool in_use = stack.state() == Stack::READY || stack.state() == Stack::FAILED;
  if (!in_use || record.reservation().empty()) {
    return Error(v1::WRONG_STATE,
                 absl::StrCat(stack.name(), " is ", Stack::State_Name(stack.state()),
                              "; only a stack in use can be extended"),
                 {{"resource", stack.name()}, {"state", Stack::State_Name(stack.state())}});
  }
  RETURN_IF_ERROR(CheckFree(record, now));
  if (stack.lease().extended()) {
    return Error(v1::WRONG_STATE,
                 absl::StrCat("the lease of ", stack.name(), " was extended before; once is all"),
                 {{"resource", stack.name()}});
  }
  const absl::Duration length =
      FromProto(stack.lease().end_time()) - FromProto(stack.lease().start_time());
  const absl::Duration most = FromProto(policy.max_duration());
  if (more > most - length) {
    return InvalidField(
        "duration",
        absl::StrCat("must be at most ", absl::FormatDuration(std::max(most - length, {})),
                     ": the template allows ", absl::FormatDuration(most),
                     " in all, and the lease has ", absl::FormatDuration(length)));
  }
  return absl::OkStatus();
}

// What the stack holds, for as long as is asked for, in the place of what it has.
v1::Reservation MakeReservation(const StackName& name, const StackRecord& record,
                                const v1::ApprovalPolicy& policy, absl::Duration more,
                                absl::Time now) {
  const v1::Stack& stack = record.stack();
  v1::Reservation reservation;
  reservation.set_name(absl::StrCat("projects/", name.project, "/quota/reservations/", stack.uid(),
                                    "-longer-", RandomId()));
  *reservation.mutable_amounts() = stack.amounts();
  reservation.set_user(stack.creator().substr(stack.creator().find('/') + 1));
  reservation.set_holder(stack.name());
  *reservation.mutable_start_time() = stack.lease().start_time();
  *reservation.mutable_end_time() = ToProto(FromProto(stack.lease().end_time()) + more);
  *reservation.mutable_expire_time() = ToProto(now + FromProto(policy.expires_after()) + kMargin);
  reservation.set_supersedes(record.reservation());
  return reservation;
}

}  // namespace

absl::StatusOr<v1::Stack> Extensions::Extend(const Principal& caller,
                                             const v1::ExtendStackRequest& request) {
  RETURN_IF_ERROR(CheckWords(request));
  // Who repeats a request gets the first answer, whatever became of the stack.
  v1::Stack first;
  ASSIGN_OR_RETURN(const bool seen, IsReplay(store_, ActorOf(caller), request.request_id(),
                                             "ExtendStack", request, first));
  if (seen) return first;

  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("name", request.name()));
  ASSIGN_OR_RETURN(
      const v1::Reservation reservation,
      store_.WriteValue<v1::Reservation>(
          ActorOf(caller), [&](Change& change) -> absl::StatusOr<v1::Reservation> {
            ASSIGN_OR_RETURN(const StackRecord record, LockStack(change, name));
            ASSIGN_OR_RETURN(const StoredVersion stored,
                             FindVersionByName(change.sql, "template_version",
                                               record.stack().template_version()));
            const absl::Duration more = FromProto(request.duration());
            RETURN_IF_ERROR(CheckExtendable(record, stored.version.lease(), more, change.now));
            v1::Reservation made =
                MakeReservation(name, record, stored.version.approval(), more, change.now);
            GuardReservation(change, made.name(), change.now + kGuard);
            return made;
          }));
  const absl::Status reserved = ledger_.Reserve(reservation);
  if (reserved.ok()) return Ask(caller, request, reservation);
  const ErrorReason reason = ReasonOf(reserved);
  if (reason == v1::QUOTA_EXCEEDED || reason == v1::INVALID_FIELD) {
    // Nothing is held; elsewhere the guard sees to it.
    RETURN_IF_ERROR(store_.Write(ActorOf(caller), [&](Change& change) {
      KeepReservation(change, reservation.name());
      return absl::OkStatus();
    }));
  }
  return reserved;
}

absl::StatusOr<v1::Stack> Extensions::Ask(const Principal& caller,
                                          const v1::ExtendStackRequest& request,
                                          const v1::Reservation& reservation) {
  const absl::Duration more = FromProto(request.duration());
  const auto body = [&](Change& change) -> absl::StatusOr<v1::Stack> {
    ASSIGN_OR_RETURN(const StackName name, StackName::Parse("name", request.name()));
    ASSIGN_OR_RETURN(StackRecord record, LockStack(change, name));
    ASSIGN_OR_RETURN(
        const StoredVersion stored,
        FindVersionByName(change.sql, "template_version", record.stack().template_version()));
    RETURN_IF_ERROR(CheckExtendable(record, stored.version.lease(), more, change.now));
    const v1::Stack& stack = record.stack();
    const absl::Time end = FromProto(stack.lease().end_time());
    const bool same = record.reservation() == reservation.supersedes() &&
                      FromProto(reservation.end_time()) == end + more;
    if (!same || !KeepReservation(change, reservation.name())) {
      return Error(v1::WRONG_STATE, absl::StrCat(stack.name(), " changed meanwhile; ask again"),
                   {{"resource", stack.name()}});
    }

    ChangeRequest asked;
    asked.set_type(ChangeRequest::EXTENSION);
    asked.set_stack(stack.name());
    asked.set_summary(absl::StrCat(absl::FormatDuration(more), " more, until ", Text(end + more)));
    *asked.mutable_amounts() = stack.amounts();
    asked.set_estimated_micros_per_hour(stack.estimated_micros_per_hour());
    asked.set_currency(stack.currency());
    asked.set_price_date(stack.price_date());
    asked.set_requester(caller.user());
    asked.set_reason(request.reason());
    *asked.mutable_extension() = request.duration();
    RETURN_IF_ERROR(OpenRequest(change, name.project, asked, stored.version.approval(), end));
    WaitFor(record, asked, "");
    record.set_extension_reservation(reservation.name());
    if (stored.version.approval().mode() == v1::ApprovalPolicy::AUTO) {
      RETURN_IF_ERROR(CloseRequest(change, asked, ChangeRequest::APPROVED,
                                   "the template needs no review, and quota admits it"));
      RETURN_IF_ERROR(OnExtensionApproved(change, record, asked));
    } else {
      RETURN_IF_ERROR(SaveStack(change, record));
    }
    return Show(record);
  };
  return store_.WriteValue<v1::Stack>(
      ActorOf(caller), [&](Change& change) -> absl::StatusOr<v1::Stack> {
        v1::Stack shown;
        RETURN_IF_ERROR(Once(change, request.request_id(), "ExtendStack", request, shown,
                             [&]() -> absl::Status {
                               ASSIGN_OR_RETURN(shown, body(change));
                               return absl::OkStatus();
                             }));
        return shown;
      });
}

absl::Status OnExtensionApproved(Change& change, StackRecord& record,
                                 const ChangeRequest& request) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("name", record.stack().name()));
  const Waited waited = StopWaiting(record);
  v1::Lease& lease = *record.mutable_stack()->mutable_lease();
  const absl::Time end = FromProto(lease.end_time()) + FromProto(request.extension());
  *lease.mutable_end_time() = ToProto(end);
  *lease.mutable_duration() = ToProto(end - FromProto(lease.start_time()));
  lease.set_extended(true);
  // Admitted for the longer window when it was asked for.
  record.set_reservation(waited.extension_reservation);
  record.clear_held_until();
  CommitLater(change, record.reservation(), record.stack().amounts());
  // Warnings begin anew; those whose time has passed are left out.
  *record.mutable_warned_lead() = ToProto(end - change.now);
  if (record.stack().state() == Stack::READY) {
    record.mutable_stack()->mutable_state_detail()->set_message(
        absl::StrCat("in use; its lease was extended until ", Text(end)));
  }
  WatchLease(change, record, absl::ZeroDuration());
  RETURN_IF_ERROR(SaveStack(change, record));

  v1::Event event;
  event.set_type("stack.leaseExtended");
  event.set_resource(record.stack().name());
  event.set_message(absl::StrCat("its lease is extended until ", Text(end)));
  auto& details = *event.mutable_details()->mutable_fields();
  details["changeRequest"].set_string_value(request.name());
  details["creator"].set_string_value(record.stack().creator());
  return AppendEvent(change, name.project, event);
}

}  // namespace stackyard::stacks
