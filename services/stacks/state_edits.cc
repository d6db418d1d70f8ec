#include "services/stacks/state_edits.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/proto_time.h"
#include "common/resource_name.h"
#include "common/status.h"
#include "services/stacks/drift.h"
#include "services/stacks/events.h"
#include "services/stacks/leases.h"
#include "services/stacks/lifecycle.h"
#include "services/stacks/state_replaced.h"
#include "services/stacks/state_store.h"

namespace stackyard::stacks {
namespace {

using v1::StateLock;
using v1::StateVersion;

constexpr size_t kMostState = 64 << 20;
constexpr size_t kMostLockId = 200;
constexpr size_t kMostLockText = 4000;
constexpr size_t kMostReason = 1000;

StateLock NoLock(const StackRecord& record) {
  StateLock lock;
  lock.set_name(absl::StrCat(record.stack().name(), "/stateLock"));
  return lock;
}

v1::Event Tell(const std::string& type, const std::string& resource, const std::string& message) {
  v1::Event event;
  event.set_type(type);
  event.set_resource(resource);
  event.set_message(message);
  return event;
}

// Whether it is this person's lock: an id is no proof, since all who read the state see it.
bool Holds(const HeldLock& held, const Principal& caller, const std::string& lock_id) {
  return held.holder == caller.user() && held.lock.lock_id() == lock_id;
}

// What was written and did not become current can still be read, by the names in the event.
void TellKept(const std::vector<StateVersion>& drafts, v1::Event& event) {
  if (drafts.empty()) return;
  event.set_message(
      absl::StrCat(event.message(), "; what it had written is kept as ", drafts.back().name()));
  auto& details = *event.mutable_details()->mutable_fields();
  for (const StateVersion& draft : drafts) {
    details["drafts"].mutable_list_value()->add_values()->set_string_value(draft.name());
  }
}

std::string Because(const std::string& reason) {
  return reason.empty() ? "" : absl::StrCat(": ", reason);
}

absl::Status CheckReason(const std::string& reason) {
  if (reason.size() <= kMostReason) return absl::OkStatus();
  return InvalidField("reason", absl::StrCat("must have at most ", kMostReason, " characters"));
}

// The lock as the caller asks for it, with who they are in front of who they say they are.
StateLock WantedLock(const Change& change, const StackRecord& record, const Principal& caller,
                     const StateLock& sent) {
  StateLock lock = sent;
  lock.set_name(NoLock(record).name());
  lock.set_who(sent.who().empty() ? caller.user()
                                  : absl::StrCat(caller.user(), " (", sent.who(), ")"));
  *lock.mutable_create_time() = ToProto(change.now);
  return lock;
}

// What a state that is written must have besides its form.
absl::StatusOr<StateFile> ReadState(const std::string& text) {
  if (text.size() > kMostState) return InvalidField("state", "must have at most 64 MiB");
  ASSIGN_OR_RETURN(StateFile state, ParseState(text));
  Violations violations;
  if (state.lineage.empty()) violations.Add("state", "has no lineage");
  if (state.serial < 1) violations.Add("state", "has no serial of 1 or more");
  RETURN_IF_ERROR(violations.ToStatus());
  return state;
}

}  // namespace

absl::StatusOr<StateLock> StateEdits::GetLock(const v1::GetStateLockRequest& request) {
  ASSIGN_OR_RETURN(const auto parts,
                   ParseName("name", request.name(), "projects/*/stacks/*/stateLock"));
  return store_.ReadValue<StateLock>([&](soci::session& sql) -> absl::StatusOr<StateLock> {
    ASSIGN_OR_RETURN(const StackRecord record, FindStack(sql, {parts[0], parts[1]}));
    const auto held = FindStateLock(sql, record.stack().uid());
    if (held) return held->lock;
    return LockOfRun(sql, record);
  });
}

absl::StatusOr<StateLock> StateEdits::Lock(const Principal& caller,
                                           const v1::LockStateRequest& request) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("parent", request.parent()));
  const StateLock& sent = request.lock();
  Violations violations;
  if (sent.lock_id().empty() || sent.lock_id().size() > kMostLockId) {
    violations.Add("lock.lock_id", absl::StrCat("must have 1 to ", kMostLockId, " characters"));
  }
  for (const auto& [field, text] :
       {std::pair("lock.operation", sent.operation()), std::pair("lock.info", sent.info()),
        std::pair("lock.who", sent.who()), std::pair("lock.version", sent.version())}) {
    if (text.size() <= kMostLockText) continue;
    violations.Add(field, absl::StrCat("must have at most ", kMostLockText, " characters"));
  }
  RETURN_IF_ERROR(violations.ToStatus());
  return store_.WriteValue<StateLock>(
      ActorOf(caller), [&](Change& change) -> absl::StatusOr<StateLock> {
        ASSIGN_OR_RETURN(StackRecord record, LockStack(change, name));
        if (const auto held = FindStateLock(change.sql, record.stack().uid())) {
          const bool same = held->holder == caller.user() && held->lock.lock_id() == sent.lock_id();
          if (!same) return LockedError(held->lock);
          return held->lock;
        }
        RETURN_IF_ERROR(CheckNoRun(change.sql, record));
        RETURN_IF_ERROR(YieldDriftCheck(change, record, record.stack().state()));
        const StateLock lock = WantedLock(change, record, caller, sent);
        SaveStateLock(change, record.stack().uid(), {lock, caller.user()});
        RETURN_IF_ERROR(SaveStack(change, record));
        RETURN_IF_ERROR(AppendEvent(
            change, name.project,
            Tell("state.locked", record.stack().name(),
                 absl::StrCat("locked as ", lock.lock_id(), ": runs wait until it is unlocked"))));
        return lock;
      });
}

absl::StatusOr<StateTexts> StateEdits::NewestText(const StackName& name) {
  std::string digest;
  RETURN_IF_ERROR(store_.Read([&](soci::session& sql) -> absl::Status {
    ASSIGN_OR_RETURN(const StackRecord record, FindStack(sql, name));
    ASSIGN_OR_RETURN(const auto newest, NewestState(sql, record));
    if (newest) digest = newest->digest();
    return absl::OkStatus();
  }));
  StateTexts texts(blobs_);
  RETURN_IF_ERROR(texts.Read(digest));
  return texts;
}

absl::Status StateEdits::Promote(Change& change, StackRecord& record, const StateTexts& texts) {
  RenewLease(record, change.now);
  ASSIGN_OR_RETURN(const std::optional<StateVersion> version, PromoteDrafts(change, record));
  if (!version) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string text, texts.Get(version->digest()));
  ASSIGN_OR_RETURN(const StateFile state, ParseState(text));
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("name", record.stack().name()));
  RETURN_IF_ERROR(AppendEvent(
      change, name.project,
      Tell("state.written", version->name(),
           absl::StrCat("the draft with serial ", version->serial(), " is the current state"))));
  return OnStateReplaced(change, record, state, "its state was replaced");
}

absl::StatusOr<StateLock> StateEdits::Unlock(const Principal& caller,
                                             const v1::UnlockStateRequest& request) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("parent", request.parent()));
  if (request.lock_id().empty()) return InvalidField("lock_id", "is missing");
  ASSIGN_OR_RETURN(const StateTexts texts, NewestText(name));
  return store_.WriteValue<StateLock>(
      ActorOf(caller), [&](Change& change) -> absl::StatusOr<StateLock> {
        ASSIGN_OR_RETURN(StackRecord record, LockStack(change, name));
        const StateLock none = NoLock(record);
        const auto held = FindStateLock(change.sql, record.stack().uid());
        if (!held) return none;
        if (!Holds(*held, caller, request.lock_id())) return LockedError(held->lock);
        DropStateLock(change, record.stack().uid());
        v1::Event event = Tell("state.unlocked", record.stack().name(),
                               absl::StrCat("the lock ", held->lock.lock_id(), " was given back"));
        if (HoldsName(record.stack().state())) {
          RETURN_IF_ERROR(AppendEvent(change, name.project, event));
          RETURN_IF_ERROR(Promote(change, record, texts));
        } else {
          ASSIGN_OR_RETURN(const auto drafts, DropDrafts(change, record));
          TellKept(drafts, event);
          RETURN_IF_ERROR(AppendEvent(change, name.project, event));
        }
        change.touched.names.insert(name.ToString());
        return none;
      });
}

absl::StatusOr<StateLock> StateEdits::ForceUnlock(const Principal& caller,
                                                  const v1::ForceUnlockStateRequest& request) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("parent", request.parent()));
  RETURN_IF_ERROR(CheckReason(request.reason()));
  return store_.WriteValue<StateLock>(
      ActorOf(caller), [&](Change& change) -> absl::StatusOr<StateLock> {
        ASSIGN_OR_RETURN(const StackRecord record, LockStack(change, name));
        const auto held = FindStateLock(change.sql, record.stack().uid());
        if (!held) {
          ASSIGN_OR_RETURN(const StateLock lock, LockOfRun(change.sql, record));
          if (lock.lock_id().empty()) return lock;
          return Error(
              v1::WRONG_STATE,
              absl::StrCat(lock.who(), " holds the lock: cancel ", lock.lock_id(), " instead"),
              {{"resource", name.ToString()}, {"run", lock.lock_id()}});
        }
        if (!request.lock_id().empty() && request.lock_id() != held->lock.lock_id()) {
          return LockedError(held->lock);
        }
        ASSIGN_OR_RETURN(const std::vector<StateVersion> drafts, DropDrafts(change, record));
        DropStateLock(change, record.stack().uid());
        v1::Event event =
            Tell("state.forceUnlocked", record.stack().name(),
                 absl::StrCat("the lock ", held->lock.lock_id(), " of ", held->lock.who(),
                              " was broken", Because(request.reason())));
        TellKept(drafts, event);
        RETURN_IF_ERROR(AppendEvent(change, name.project, event));
        change.touched.names.insert(name.ToString());
        return NoLock(record);
      });
}

absl::StatusOr<StateVersion> StateEdits::Take(Change& change, StackRecord& record, bool as_draft,
                                              const StateFile& state, const std::string& digest,
                                              int64_t size, const v1::Event& event) {
  if (!as_draft) RETURN_IF_ERROR(CheckNoRun(change.sql, record));
  if (record.state_lineage().empty()) {
    RETURN_IF_ERROR(CheckLineageFree(change, record, state.lineage));
  }
  // What a retry sends again is there already.
  ASSIGN_OR_RETURN(const auto newest, NewestState(change.sql, record));
  if (newest && newest->digest() == digest) return *newest;
  if (as_draft) return AppendDraft(change, record, state, digest, size);
  RETURN_IF_ERROR(YieldDriftCheck(change, record, record.stack().state()));
  RenewLease(record, change.now);
  RETURN_IF_ERROR(AppendState(change, record, state, digest, size, ""));
  ASSIGN_OR_RETURN(StateVersion version, FindState(change.sql, record, "latest"));
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("name", record.stack().name()));
  RETURN_IF_ERROR(AppendEvent(change, name.project, event));
  RETURN_IF_ERROR(OnStateReplaced(change, record, state, "its state was replaced"));
  return version;
}

absl::StatusOr<StateVersion> StateEdits::Write(const Principal& caller,
                                               const v1::WriteStateRequest& request) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("parent", request.parent()));
  ASSIGN_OR_RETURN(const StateFile state, ReadState(request.state()));
  ASSIGN_OR_RETURN(const std::string digest, blobs_.Put(request.state()));
  return store_.WriteValue<StateVersion>(
      ActorOf(caller), [&](Change& change) -> absl::StatusOr<StateVersion> {
        ASSIGN_OR_RETURN(StackRecord record, LockStack(change, name));
        const auto held = FindStateLock(change.sql, record.stack().uid());
        if (held && !Holds(*held, caller, request.lock_id())) return LockedError(held->lock);
        if (!held && !request.lock_id().empty()) {
          return Error(v1::STATE_LOCKED,
                       absl::StrCat("the lock ", request.lock_id(),
                                    " is not held any more: it was given back, or broken"),
                       {{"resource", name.ToString()}});
        }
        return Take(change, record, held.has_value(), state, digest,
                    static_cast<int64_t>(request.state().size()),
                    Tell("state.written", name.ToString(),
                         absl::StrCat("the state with serial ", state.serial,
                                      " was written from outside of a run")));
      });
}

absl::StatusOr<std::string> StateEdits::PutRolledBack(const StackName& name,
                                                      const std::string& version,
                                                      StateTexts& texts) {
  StateVersion old;
  int64_t serial = 0;
  RETURN_IF_ERROR(store_.Read([&](soci::session& sql) -> absl::Status {
    ASSIGN_OR_RETURN(const StackRecord record, FindStack(sql, name));
    ASSIGN_OR_RETURN(old, FindState(sql, record, version));
    ASSIGN_OR_RETURN(const auto newest, NewestState(sql, record));
    serial = std::max(newest ? newest->serial() : 0, old.serial());
    return absl::OkStatus();
  }));
  RETURN_IF_ERROR(texts.Read(old.digest()));
  ASSIGN_OR_RETURN(const std::string text, texts.Get(old.digest()));
  ASSIGN_OR_RETURN(const std::string next, WithSerial(text, serial + 1));
  // Where nothing comes of it an unused blob is left.
  return blobs_.Put(next);
}

absl::StatusOr<StateVersion> StateEdits::Rollback(const Principal& caller,
                                                  const v1::RollbackStateRequest& request) {
  ASSIGN_OR_RETURN(const auto parts,
                   ParseName("name", request.name(), "projects/*/stacks/*/stateVersions/*"));
  RETURN_IF_ERROR(CheckReason(request.reason()));
  StateTexts texts(blobs_);
  ASSIGN_OR_RETURN(const std::string ahead, PutRolledBack({parts[0], parts[1]}, parts[2], texts));
  return store_.WriteValue<StateVersion>(
      ActorOf(caller), [&](Change& change) -> absl::StatusOr<StateVersion> {
        ASSIGN_OR_RETURN(StackRecord record, LockStack(change, {parts[0], parts[1]}));
        ASSIGN_OR_RETURN(const StateVersion old, FindState(change.sql, record, parts[2]));
        const auto held = FindStateLock(change.sql, record.stack().uid());
        if (held && held->holder != caller.user()) return LockedError(held->lock);
        if (!held) RETURN_IF_ERROR(CheckNoRun(change.sql, record));
        ASSIGN_OR_RETURN(const std::string text, texts.Get(old.digest()));
        ASSIGN_OR_RETURN(const auto newest, NewestState(change.sql, record));
        const int64_t serial = std::max(newest ? newest->serial() : 0, old.serial());
        if (newest) {
          // It is the newest already, apart from its serial.
          ASSIGN_OR_RETURN(const std::string same, WithSerial(text, newest->serial()));
          if (Sha256Hex(same) == newest->digest()) return *newest;
        }
        ASSIGN_OR_RETURN(const std::string next, WithSerial(text, serial + 1));
        ASSIGN_OR_RETURN(const StateFile state, ReadState(next));
        // Not the one that was written ahead only where somebody wrote a state meanwhile.
        std::string digest = Sha256Hex(next);
        if (digest != ahead) {
          ASSIGN_OR_RETURN(digest, blobs_.Put(next));
        }
        // A stray has the serial of another.
        if (!old.draft()) KeepForGood(change, record.stack().uid(), old.serial());
        return Take(
            change, record, held.has_value(), state, digest, static_cast<int64_t>(next.size()),
            Tell("state.rolledBack", record.stack().name(),
                 absl::StrCat("the state of ", old.name(), " is the current one, as serial ",
                              state.serial, Because(request.reason()))));
      });
}

}  // namespace stackyard::stacks
