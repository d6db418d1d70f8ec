#include "services/stacks/state_locks.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "services/stacks/lifecycle.h"
#include "services/stacks/queue_store.h"
#include "services/stacks/run_store.h"

namespace stackyard::stacks {
namespace {

using v1::Run;
using v1::StateLock;

std::string NameOf(const StackRecord& record) {
  return absl::StrCat(record.stack().name(), "/stateLock");
}

// Errors travel in headers, which hold 8 KiB: of a text its first bytes, up to the end of a letter.
std::string InShort(const std::string& text) {
  constexpr size_t kMost = 500;
  if (text.size() <= kMost) return text;
  size_t end = kMost;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return absl::StrCat(text.substr(0, end), "…");
}

// As Terraform calls it.
const char* OperationOf(Run::Type type) {
  switch (type) {
    case Run::APPLY:
    case Run::DESTROY:
      return "OperationTypeApply";
    case Run::REFRESH:
      return "OperationTypeRefresh";
    default:
      return "OperationTypePlan";
  }
}

}  // namespace

std::optional<HeldLock> FindStateLock(soci::session& sql, const std::string& uid) {
  std::string holder, body;
  sql << "SELECT holder, body FROM state_locks WHERE uid = :uid", soci::use(uid),
      soci::into(holder), soci::into(body);
  if (!sql.got_data()) return std::nullopt;
  const auto lock = Unpacked<StateLock>(body);
  return HeldLock{lock.ok() ? *lock : StateLock(), holder};
}

void SaveStateLock(Change& change, const std::string& uid, const HeldLock& held) {
  const std::string body = Pack(held.lock);
  change.sql << "INSERT INTO state_locks (uid, holder, body) VALUES (:uid, :holder, :body)",
      soci::use(uid), soci::use(held.holder), soci::use(body);
  change.touched.names.insert(kQueueTopic);
}

void DropStateLock(Change& change, const std::string& uid) {
  change.sql << "DELETE FROM state_locks WHERE uid = :uid", soci::use(uid);
  // What waited for it.
  change.touched.queue = true;
  change.touched.names.insert(kQueueTopic);
}

absl::StatusOr<StateLock> LockOfRun(soci::session& sql, const StackRecord& record) {
  StateLock lock;
  lock.set_name(NameOf(record));
  const v1::Stack& stack = record.stack();
  if (!stack.active_run().empty()) {
    ASSIGN_OR_RETURN(const RunName name, RunName::Parse("active_run", stack.active_run()));
    ASSIGN_OR_RETURN(const RunRecord run, FindRun(sql, name));
    lock.set_lock_id(stack.active_run());
    lock.set_operation(OperationOf(run.run().type()));
    lock.set_info(stack.state_detail().message());
    lock.set_who(run.run().runner().empty() ? stack.active_run()
                                            : absl::StrCat("runners/", run.run().runner()));
    lock.set_version(run.run().engine());
    *lock.mutable_create_time() =
        run.run().has_start_time() ? run.run().start_time() : run.run().create_time();
  } else if (stack.state() == Stack::PENDING || stack.state() == Stack::PLANNING) {
    // Between the plan and what follows from it.
    lock.set_lock_id(stack.operation());
    lock.set_operation("OperationTypePlan");
    lock.set_info(stack.state_detail().message());
    lock.set_who(stack.operation());
    *lock.mutable_create_time() = stack.state_detail().since();
  }
  return lock;
}

absl::Status LockedError(const StateLock& lock) {
  const std::string who = InShort(lock.who());
  const std::string since = absl::FormatTime("%Y-%m-%d%ET%H:%M:%E*SZ",
                                             FromProto(lock.create_time()), absl::UTCTimeZone());
  return Error(v1::STATE_LOCKED,
               absl::StrCat("the state is locked by ", who, ", lock ", lock.lock_id()),
               {{"resource", lock.name()},
                {"lock_id", lock.lock_id()},
                {"who", who},
                {"operation", InShort(lock.operation())},
                {"info", InShort(lock.info())},
                {"version", InShort(lock.version())},
                {"create_time", since}});
}

absl::Status CheckNoRun(soci::session& sql, const StackRecord& record) {
  const v1::Stack& stack = record.stack();
  switch (stack.state()) {
    case Stack::READY:
    case Stack::FAILED:
    case Stack::AWAITING_APPROVAL:
      return absl::OkStatus();
    case Stack::DESTROYED:
    case Stack::REJECTED:
      return Error(v1::WRONG_STATE,
                   absl::StrCat(stack.name(), " is ", Stack::State_Name(stack.state())),
                   {{"resource", stack.name()}, {"state", Stack::State_Name(stack.state())}});
    default: {
      ASSIGN_OR_RETURN(const StateLock lock, LockOfRun(sql, record));
      return LockedError(lock);
    }
  }
}

}  // namespace stackyard::stacks
