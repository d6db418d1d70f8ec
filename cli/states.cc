#include <memory>

#include "absl/strings/str_cat.h"
#include "cli/commands.h"
#include "cli/names.h"
#include "cli/text.h"
#include "common/id.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "stackyard/v1/state_versions.pb.h"

namespace stackyard::cli {
namespace {

constexpr char kStack[] = "projects/*/stacks/*";
constexpr char kVersion[] = "projects/*/stacks/*/stateVersions/*";

// A version; or the current one, when a stack is named.
absl::StatusOr<std::string> FindVersion(const Context& context, const std::string& text) {
  absl::StatusOr<std::string> name = FullName(kVersion, context.project(), text);
  if (name.ok()) return name;
  const absl::StatusOr<std::string> stack = FullName(kStack, context.project(), text);
  if (!stack.ok()) return name.status();
  return *stack + "/stateVersions/latest";
}

// Who wrote it: a run, by its number, or somebody.
std::string Writer(const v1::StateVersion& version) {
  if (!version.run().empty()) return "run " + LastPart(version.run());
  return LastPart(version.creator());
}

absl::Status List(Context& context, const std::string& stack, int64_t limit) {
  v1::ListStateVersionsRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), FullName(kStack, context.project(), stack));
  v1::ListStateVersionsResponse response;
  RETURN_IF_ERROR(context.client().List("StateService/ListStateVersions", request, &response,
                                        static_cast<int>(limit)));
  return context.output().Write(response, [&] {
    Table table({"SERIAL", "DRAFT", "RESOURCES", "BYTES", "BY", "ENGINE", "AGE"});
    for (const v1::StateVersion& version : response.state_versions()) {
      table.Add({absl::StrCat(version.serial()), version.draft() ? "yes" : "",
                 absl::StrCat(version.resource_count()), absl::StrCat(version.size_bytes()),
                 Writer(version), version.engine_version(),
                 Age(version.create_time(), context.Now())});
    }
    context.output().Show(table);
  });
}

void ShowVersion(Context& context, const v1::StateVersion& version, const v1::StateLock& lock) {
  Fields fields;
  fields.Add("Name", version.name());
  fields.Add("Serial", absl::StrCat(version.serial()));
  fields.Add("Lineage", version.lineage());
  fields.Add("Draft", version.draft() ? "yes" : "");
  fields.Add("Digest", version.digest());
  fields.Add("Bytes", absl::StrCat(version.size_bytes()));
  fields.Add("Resources", absl::StrCat(version.resource_count()));
  fields.Add("Written by", Writer(version));
  fields.Add("Engine", version.engine_version());
  fields.Add("Written", TimeText(version.create_time()));
  if (!lock.lock_id().empty()) {
    fields.Add("Locked by", lock.who());
    fields.Add("Lock", lock.lock_id());
    fields.Add("Locked for", lock.info());
    fields.Add("Locked since", TimeText(lock.create_time()));
  }
  context.output().Show(fields);
}

absl::Status Get(Context& context, const std::string& text) {
  v1::GetStateVersionRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), FindVersion(context, text));
  v1::StateVersion version;
  RETURN_IF_ERROR(context.client().Call("StateService/GetStateVersion", request, &version));
  v1::GetStateLockRequest ask;
  ask.set_name(FirstParts(request.name(), 4) + "/stateLock");
  v1::StateLock lock;
  RETURN_IF_ERROR(context.client().Call("StateService/GetStateLock", ask, &lock));
  return context.output().Write(version, [&] { ShowVersion(context, version, lock); });
}

absl::Status Pull(Context& context, const std::string& text, const std::string& path) {
  v1::DownloadStateRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), FindVersion(context, text));
  v1::DownloadStateResponse response;
  RETURN_IF_ERROR(context.client().Call("StateService/DownloadState", request, &response));
  // It holds secrets.
  if (!path.empty()) return WriteFile("out", path, response.state(), 0600);
  context.output().out() << response.state() << std::flush;
  return absl::OkStatus();
}

absl::Status Push(Context& context, const std::string& stack, const std::string& path,
                  const std::string& lock) {
  v1::WriteStateRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), FullName(kStack, context.project(), stack));
  ASSIGN_OR_RETURN(*request.mutable_state(), ReadFile("FILE", path));
  request.set_lock_id(lock);
  return context.Show<v1::StateVersion>(
      "StateService/WriteState", request, [&](const v1::StateVersion& version) {
        context.output().out() << version.name()
                               << (version.draft() ? " is a draft until the lock is given back\n"
                                                   : " is the current state\n");
      });
}

absl::Status Rollback(Context& context, const std::string& text, const std::string& reason) {
  v1::RollbackStateRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), FullName(kVersion, context.project(), text));
  request.set_reason(reason);
  return context.Show<v1::StateVersion>(
      "StateService/RollbackState", request, [&](const v1::StateVersion& version) {
        context.output().out() << version.name()
                               << (version.draft() ? " is a draft until the lock is given back\n"
                                                   : " is the current state\n");
        context.Note("A preview shows what a plan would do now.");
      });
}

absl::Status Lock(Context& context, const std::string& stack, const std::string& id,
                  const std::string& info) {
  v1::LockStateRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), FullName(kStack, context.project(), stack));
  request.mutable_lock()->set_lock_id(id.empty() ? RandomId() : id);
  request.mutable_lock()->set_info(info);
  return context.Show<v1::StateLock>(
      "StateService/LockState", request, [&](const v1::StateLock& lock) {
        context.output().out() << lock.lock_id() << "\n";
        context.Note("Runs of the stack wait until you unlock it with this id.");
      });
}

absl::Status Unlock(Context& context, const std::string& stack, const std::string& id) {
  v1::UnlockStateRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), FullName(kStack, context.project(), stack));
  request.set_lock_id(id);
  return context.Show<v1::StateLock>(
      "StateService/UnlockState", request, [&](const v1::StateLock& lock) {
        context.output().out() << FirstParts(lock.name(), 4) << " is unlocked\n";
      });
}

absl::Status ForceUnlock(Context& context, const std::string& stack, const std::string& reason) {
  v1::ForceUnlockStateRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), FullName(kStack, context.project(), stack));
  request.set_reason(reason);
  return context.Show<v1::StateLock>(
      "StateService/ForceUnlockState", request, [&](const v1::StateLock& lock) {
        context.output().out() << FirstParts(lock.name(), 4) << " is unlocked\n";
      });
}

}  // namespace

void AddStateCommands(Command root, Context& context) {
  Command states = root.Sub("states", "Terraform states of stacks, and their locks");
  const auto name = std::make_shared<std::string>();
  const auto path = std::make_shared<std::string>();
  const auto lock = std::make_shared<std::string>();
  const auto text = std::make_shared<std::string>();
  const auto limit = std::make_shared<int64_t>(50);
  const std::string stack = "Name of the stack";
  const std::string version = "STACK/SERIAL, or a stack for its current state";

  states.Sub("list", "List versions, newest first")
      .Argument("STACK", name.get(), stack)
      .Option("--limit", limit.get(), "COUNT", "How many; 0 for all [50]")
      .Run([&context, name, limit] { return List(context, *name, *limit); });
  states.Sub("get", "Show a version, and who holds the lock")
      .Argument("STATE", name.get(), version)
      .Run([&context, name] { return Get(context, *name); });
  states.Sub("pull", "Write a state, secrets included, to the standard output")
      .Argument("STATE", name.get(), version)
      .Option("--out", path.get(), "PATH", "To this file instead, for you alone")
      .Run([&context, name, path] { return Pull(context, *name, *path); });
  states.Sub("push", "Make a state the current one, or a draft under your lock")
      .Argument("STACK", name.get(), stack)
      .Argument("FILE", path.get(), "The state, as pull writes it, with a higher serial")
      .Option("--lock-id", lock.get(), "ID", "Lock that you hold")
      .Run([&context, name, path, lock] { return Push(context, *name, *path, *lock); });
  states.Sub("rollback", "Make an old state the current one, with a new serial")
      .Argument("STATE", name.get(), "STACK/SERIAL, or STACK/DIGEST of one that was put aside")
      .Option("--reason", text.get(), "TEXT", "Why")
      .Run([&context, name, text] { return Rollback(context, *name, *text); });
  states.Sub("lock", "Take the lock and print its id: runs of the stack wait")
      .Argument("STACK", name.get(), stack)
      .Option("--id", lock.get(), "ID", "Id of the lock [one at random]")
      .Option("--info", text.get(), "TEXT", "What for")
      .Run([&context, name, lock, text] { return Lock(context, *name, *lock, *text); });
  states.Sub("unlock", "Give the lock back: the last state pushed becomes current")
      .Argument("STACK", name.get(), stack)
      .Argument("ID", lock.get(), "Id of the lock")
      .Run([&context, name, lock] { return Unlock(context, *name, *lock); });
  states.Sub("force-unlock", "Break somebody's lock: what they pushed is put aside")
      .Argument("STACK", name.get(), stack)
      .Option("--reason", text.get(), "TEXT", "Why")
      .Run([&context, name, text] { return ForceUnlock(context, *name, *text); });
}

}  // namespace stackyard::cli
