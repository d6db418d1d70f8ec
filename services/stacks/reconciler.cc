#include "services/stacks/reconciler.h"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/id.h"
#include "common/log.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "google/protobuf/message.h"
#include "services/stacks/events.h"
#include "services/stacks/quota_tasks.h"
#include "services/stacks/stack_store.h"

namespace stackyard::stacks {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using v1::Reservation;
using v1::Stack;

constexpr char kReservations[] = "/quota/reservations/";
// Until what quota refused is asked for again.
constexpr absl::Duration kAskAgain = absl::Minutes(5);

// Every name of a reservation in a row, in whichever field: a field that is added later accounts
// for its reservation without anybody thinking of this file.
void CollectNames(const Message& row, std::set<std::string>& names) {
  std::vector<const FieldDescriptor*> fields;
  const auto* reflection = row.GetReflection();
  reflection->ListFields(row, &fields);
  for (const FieldDescriptor* field : fields) {
    const int count = field->is_repeated() ? reflection->FieldSize(row, field) : 1;
    for (int i = 0; i < count; ++i) {
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
        std::string text = field->is_repeated() ? reflection->GetRepeatedString(row, field, i)
                                                : reflection->GetString(row, field);
        if (absl::StrContains(text, kReservations)) names.insert(std::move(text));
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        CollectNames(field->is_repeated() ? reflection->GetRepeatedMessage(row, field, i)
                                          : reflection->GetMessage(row, field),
                     names);
      }
    }
  }
}

// What is due later is a timer and says nothing about reservations; steps with quota are put off
// for less.
constexpr absl::Duration kSoon = absl::Minutes(10);

// Kinds that are timers also when they are due.
bool IsTimer(TaskRecord::Kind kind) {
  return kind == TaskRecord::END_LEASE || kind == TaskRecord::EXPIRE_REQUEST ||
         kind == TaskRecord::CHECK_DRIFT || kind == TaskRecord::WARN_OF_END;
}

// A look at the database.
struct Look {
  std::vector<StackRecord> stacks;
  // Reservations that live stacks name, and that tasks name.
  std::set<std::string> of_stacks;
  std::set<std::string> of_tasks;
  // Uids of stacks that something is to be done for.
  std::set<std::string> busy;

  // Named by a row, or by a stack's uid in front: a RESERVE task knows its reservation by the plan.
  bool AccountsFor(const std::string& name) const {
    const std::string id = name.substr(name.rfind('/') + 1);
    return of_stacks.count(name) > 0 || of_tasks.count(name) > 0 ||
           busy.count(id.substr(0, id.find('-'))) > 0;
  }
  bool IsBusy(const StackRecord& record) const {
    return busy.count(record.stack().uid()) > 0 || of_tasks.count(record.reservation()) > 0;
  }
};

absl::StatusOr<Look> LookAround(Store& store) {
  const absl::Time soon = store.Now() + kSoon;
  return store.ReadValue<Look>([&](soci::session& sql) -> absl::StatusOr<Look> {
    Look look;
    ASSIGN_OR_RETURN(const std::vector<TaskRecord> tasks, TasksUntil(sql, soon));
    for (const TaskRecord& task : tasks) {
      CollectNames(task, look.of_tasks);
      if (!IsTimer(task.kind())) look.busy.insert(task.stack_uid());
    }
    look.busy.erase("");
    Page page;
    page.size = 1000;
    do {
      ASSIGN_OR_RETURN(auto rows,
                       ListStacks(sql, "", true, page, [](const StackRecord&) { return true; }));
      for (StackRecord& record : rows.items) {
        CollectNames(record, look.of_stacks);
        look.stacks.push_back(std::move(record));
      }
      page.after = rows.next;
    } while (!page.after.empty());
    return look;
  });
}

// Whether what a stack has should be held under `reservation`, and nothing is about to change that.
bool ShouldHold(const StackRecord& record) {
  const Stack& stack = record.stack();
  const bool settled =
      stack.state() == Stack::READY || stack.state() == Stack::FAILED ||
      // Settled before, and with nothing reserved yet for what is planned.
      (stack.state() == Stack::PLANNING && record.settled() != Stack::STATE_UNSPECIFIED);
  return settled && stack.resource_count() > 0 && stack.amounts_size() > 0 &&
         record.pending_reservation().empty();
}

// What counts; metrics with 0 are like absent ones.
std::map<std::string, int64_t> Counted(
    const google::protobuf::RepeatedPtrField<v1::Amount>& amounts) {
  std::map<std::string, int64_t> counted;
  for (const v1::Amount& amount : amounts) {
    if (amount.value() != 0) counted[amount.metric()] += amount.value();
  }
  return counted;
}

absl::Status Tell(Change& change, const StackRecord& record, const std::string& type,
                  const std::string& message) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("name", record.stack().name()));
  v1::Event event;
  event.set_type(type);
  event.set_resource(record.stack().name());
  event.set_message(message);
  return AppendEvent(change, name.project, event);
}

// Nobody accounts for it.
absl::Status GiveBack(Change& change, const Reservation& orphan) {
  LogError("a reservation belongs to no stack and is given back",
           {{"reservation", orphan.name()}, {"holder", orphan.holder()}});
  ReleaseLater(change, orphan.name());
  v1::Event event;
  event.set_type("reservation.orphaned");
  event.set_resource(orphan.name());
  event.set_message(
      absl::StrCat("held for ", orphan.holder(), ", which does not have it: released"));
  const std::string project = orphan.name().substr(9, orphan.name().find('/', 9) - 9);
  return AppendEvent(change, project, event);
}

absl::Status StartRestore(Change& change, const StackRecord& record) {
  // Another replica saw it too.
  if (!RestoreLater(change, record.stack())) return absl::OkStatus();
  LogError("a stack has resources that quota does not hold",
           {{"stack", record.stack().name()}, {"reservation", record.reservation()}});
  return Tell(change, record, "stack.reservationMissing",
              "it has resources, and quota holds nothing for them: they are reserved anew");
}

absl::Status CommitAnew(Change& change, const StackRecord& record) {
  LogError("quota does not hold what a stack has; it is committed anew",
           {{"stack", record.stack().name()}, {"reservation", record.reservation()}});
  CommitLater(change, record.reservation(), record.stack().amounts());
  return Tell(change, record, "stack.reservationDiffers",
              "quota did not hold what it has: committed anew");
}

// Mends a stack that is as it was before quota was asked: then what was found holds. Answers
// whether it is.
absl::StatusOr<bool> IfUnchanged(
    Store& store, const StackRecord& record,
    const std::function<absl::Status(Change&, const StackRecord&)>& mend) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("name", record.stack().name()));
  return store.WriteValue<bool>(Actor(), [&](Change& change) -> absl::StatusOr<bool> {
    const auto now = LockStack(change, name);
    if (!now.ok() || now->stack().uid() != record.stack().uid() ||
        now->stack().etag() != record.stack().etag()) {
      return false;
    }
    RETURN_IF_ERROR(mend(change, record));
    return true;
  });
}

}  // namespace

ReconcilerMetrics::ReconcilerMetrics(prometheus::Registry& registry)
    : orphaned(prometheus::BuildCounter()
                   .Name("stackyard_stacks_reservations_orphaned_total")
                   .Help("Reservations that belonged to no stack and were given back")
                   .Register(registry)
                   .Add({})),
      missing(prometheus::BuildCounter()
                  .Name("stackyard_stacks_reservations_missing_total")
                  .Help("Stacks with resources that quota did not hold")
                  .Register(registry)
                  .Add({})),
      differing(prometheus::BuildCounter()
                    .Name("stackyard_stacks_reservations_differing_total")
                    .Help("Reservations that were not what their stack has")
                    .Register(registry)
                    .Add({})),
      last_success(prometheus::BuildGauge()
                       .Name("stackyard_stacks_reconciled_time_seconds")
                       .Help("When quota and stacks were last compared to the end")
                       .Register(registry)
                       .Add({})) {}

absl::StatusOr<Findings> Reconciler::Compare() {
  ASSIGN_OR_RETURN(const Look before, LookAround(store_));
  ASSIGN_OR_RETURN(const std::vector<Reservation> held, ledger_.ListHeld());
  ASSIGN_OR_RETURN(const Look after, LookAround(store_));

  std::map<std::string, const Reservation*> by_name;
  std::set<std::string> superseded;
  for (const Reservation& one : held) {
    by_name[one.name()] = &one;
    // Released by quota itself when its successor is committed.
    if (!one.supersedes().empty() && after.AccountsFor(one.name())) {
      superseded.insert(one.supersedes());
    }
  }
  std::vector<const Reservation*> orphans;
  const absl::Time old = store_.Now() - options_.grace;
  for (const Reservation& one : held) {
    if (!after.AccountsFor(one.name()) && superseded.count(one.name()) == 0 &&
        FromProto(one.create_time()) <= old && FromProto(one.update_time()) <= old) {
      orphans.push_back(&one);
    }
  }
  std::vector<const StackRecord*> missing, differing;
  for (const StackRecord& record : before.stacks) {
    if (!ShouldHold(record) || before.IsBusy(record) || after.IsBusy(record)) continue;
    const auto found = by_name.find(record.reservation());
    if (found == by_name.end()) {
      missing.push_back(&record);
    } else if (found->second->state() != Reservation::COMMITTED ||
               Counted(found->second->amounts()) != Counted(record.stack().amounts())) {
      differing.push_back(&record);
    }
  }

  Findings findings;
  for (const Reservation* orphan : orphans) {
    RETURN_IF_ERROR(
        store_.Write(Actor(), [&](Change& change) { return GiveBack(change, *orphan); }));
    ++findings.orphaned;
  }
  for (const StackRecord* record : missing) {
    ASSIGN_OR_RETURN(const bool still, IfUnchanged(store_, *record, StartRestore));
    findings.missing += still ? 1 : 0;
  }
  for (const StackRecord* record : differing) {
    ASSIGN_OR_RETURN(const bool still, IfUnchanged(store_, *record, CommitAnew));
    findings.differing += still ? 1 : 0;
  }
  metrics_.orphaned.Increment(findings.orphaned);
  metrics_.missing.Increment(findings.missing);
  metrics_.differing.Increment(findings.differing);
  metrics_.last_success.Set(absl::ToDoubleSeconds(store_.Now() - absl::UnixEpoch()));
  return findings;
}

absl::Status Restore(Store& store, LedgerClient& ledger, const DueTask& task) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("stack", task.record.stack()));
  const std::string& fresh = task.record.reservation();
  const auto record =
      store.ReadValue<StackRecord>([&](soci::session& sql) { return FindStack(sql, name); });
  if (!record.ok() && ReasonOf(record.status()) != v1::RESOURCE_NOT_FOUND) return record.status();
  // What was reserved under the new name, if anything, is of no use then.
  const auto leave = [&] {
    return store.Write(Actor(), [&](Change& change) {
      if (FinishTask(change, task)) ReleaseLater(change, fresh);
      return absl::OkStatus();
    });
  };
  if (!record.ok() || record->stack().uid() != task.record.stack_uid() || !ShouldHold(*record)) {
    return leave();
  }
  const std::string dead = record->reservation();
  // One that has only expired is as good as before; a commit counts what exists.
  absl::Status status =
      dead.empty() ? NotFound("reservation") : ledger.Commit(dead, record->stack().amounts());
  if (status.ok()) return leave();
  if (ReasonOf(status) != v1::RESOURCE_NOT_FOUND && ReasonOf(status) != v1::WRONG_STATE) {
    return status;
  }
  Reservation reservation;
  reservation.set_name(fresh);
  *reservation.mutable_amounts() = record->stack().amounts();
  const std::string& creator = record->stack().creator();
  reservation.set_user(creator.substr(creator.find('/') + 1));
  reservation.set_holder(record->stack().name());
  *reservation.mutable_start_time() = record->stack().lease().start_time();
  *reservation.mutable_end_time() =
      record->has_held_until() ? record->held_until() : record->stack().lease().end_time();
  *reservation.mutable_expire_time() = reservation.end_time();
  status = ledger.Reserve(reservation);
  // The stack has changed since it was asked first.
  if (ReasonOf(status) == v1::REQUEST_ID_REUSED) return leave();
  if (ReasonOf(status) == v1::QUOTA_EXCEEDED || ReasonOf(status) == v1::INVALID_FIELD) {
    LogError("quota does not admit what a stack has already",
             {{"stack", record->stack().name()}, {"error", std::string(status.message())}});
    return store.Write(Actor(), [&](Change& change) {
      PostponeTask(change, task, change.now + kAskAgain);
      return absl::OkStatus();
    });
  }
  RETURN_IF_ERROR(status);
  return store.Write(Actor(), [&](Change& change) -> absl::Status {
    auto current = LockStack(change, name);
    if (!FinishTask(change, task)) return absl::OkStatus();
    if (!current.ok() || current->stack().uid() != task.record.stack_uid() ||
        !ShouldHold(*current) || current->reservation() != dead) {
      ReleaseLater(change, fresh);
      return absl::OkStatus();
    }
    current->set_reservation(fresh);
    RETURN_IF_ERROR(SaveStack(change, *current));
    CommitLater(change, fresh, current->stack().amounts());
    return Tell(change, *current, "stack.reservationRestored", "quota holds what it has again");
  });
}

}  // namespace stackyard::stacks
