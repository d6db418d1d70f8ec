#include "services/stacks/publications.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/id.h"
#include "common/json_object.h"
#include "common/log.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "services/stacks/events.h"
#include "services/stacks/lifecycle.h"
#include "services/stacks/output_text.h"

namespace stackyard::stacks {
namespace {

using v1::Document;
using v1::Stack;

constexpr char kField[] = "stack.publish_document";
constexpr char kPermission[] = "documents.put";

absl::Duration Backoff(int attempts) {
  return std::min(absl::Milliseconds(500) * (1 << std::min(attempts, 6)), absl::Seconds(30));
}

// Whoever changes the row meanwhile decides what follows.
absl::Status Overtaken() { return absl::CancelledError("the document was changed meanwhile"); }

bool MayPutAny(const Principal& caller) {
  const auto& scopes = caller.scopes();
  const bool narrowed =
      !scopes.empty() && std::none_of(scopes.begin(), scopes.end(), [](const std::string& scope) {
        return scope == "*" || scope == "documents.*" || scope == kPermission;
      });
  return !narrowed && (HasRole(caller, "devops") || HasRole(caller, "admin"));
}

absl::Status Taken(const DocumentRow& row) {
  return Error(v1::RESOURCE_EXISTS,
               absl::StrCat(row.document.name(), " is taken: ",
                            row.stack_uid.empty() ? "somebody wrote it"
                                                  : row.document.stack() + " publishes it"),
               {{"resource", row.document.name()}});
}

// The state that a stack's document can be written from now; empty: none. While something is
// applied or destroyed the last state may be half of a change.
std::string StateToPublish(const StackRecord& record) {
  const Stack::State state = record.stack().state();
  const bool settled =
      state == Stack::READY || (record.settled() == Stack::READY && state != Stack::APPLYING &&
                                state != Stack::DESTROYING && state != Stack::FAILED);
  return settled ? record.state_digest() : "";
}

absl::StatusOr<std::string> ProjectOf(const DocumentRow& row) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("stack", row.document.stack()));
  return name.project;
}

// The object that is published.
std::string ObjectOf(const std::map<std::string, OutputText>& outputs) {
  std::string object = "{";
  for (const auto& [name, output] : outputs) {
    if (output.sensitive) continue;
    absl::StrAppend(&object, object.size() > 1 ? "," : "", "\"", name, "\":", output.json);
  }
  return object + "}";
}

absl::Status RecordOf(Change& change, const DocumentRow& row, const std::string& type,
                      const std::string& message) {
  ASSIGN_OR_RETURN(const std::string project, ProjectOf(row));
  v1::Event event;
  event.set_type(type);
  event.set_resource(row.document.stack());
  event.set_message(message);
  return AppendEvent(change, project, event);
}

}  // namespace

void CheckPublished(const Stack& stack, Violations& violations) {
  if (stack.publish_document().empty()) return;
  if (ParseDocumentName(kField, stack.publish_document()).ok()) return;
  violations.Add(kField,
                 "must be documents/{document}, with 1 to 63 of a-z, 0-9, ., _ and -, starting "
                 "with a letter or digit");
}

absl::Status CheckMayPublish(soci::session& sql, const Principal& caller, const Stack& stack) {
  if (stack.publish_document().empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string id, ParseDocumentName(kField, stack.publish_document()));
  const auto found = FindDocument(sql, id);
  if (found.ok()) return found->stack_uid == stack.uid() ? absl::OkStatus() : Taken(*found);
  if (ReasonOf(found.status()) != v1::RESOURCE_NOT_FOUND) return found.status();
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("name", stack.name()));
  if (absl::StartsWith(id, name.project + ".") || MayPutAny(caller)) return absl::OkStatus();
  return Error(v1::PERMISSION_MISSING,
               absl::StrCat("only devops and admins publish as ", stack.publish_document(),
                            "; documents/", name.project, ".", name.stack,
                            " and the like are open to all who may make stacks here"),
               {{"permission", kPermission}, {"resource", stack.publish_document()}});
}

absl::Status KeepName(Change& change, const Principal& caller, const StackRecord& record) {
  const Stack& stack = record.stack();
  if (stack.publish_document().empty()) {
    LetGoOfName(change, record);
    return absl::OkStatus();
  }
  if (!HoldsName(stack.state())) {
    return Error(v1::WRONG_STATE,
                 absl::StrCat(stack.name(), " is ", Stack::State_Name(stack.state()),
                              " and publishes nothing"),
                 {{"resource", stack.name()}});
  }
  LockDocuments(change);
  RETURN_IF_ERROR(CheckMayPublish(change.sql, caller, stack));
  ASSIGN_OR_RETURN(const std::string id, ParseDocumentName(kField, stack.publish_document()));
  // It has the name already.
  if (FindDocument(change.sql, id).ok()) return absl::OkStatus();
  DropDocumentsOf(change, stack.uid());
  DocumentRow row;
  row.document.set_name(stack.publish_document());
  row.document.set_stack(stack.name());
  row.stack_uid = stack.uid();
  row.pending = StateToPublish(record);
  change.touched.tasks |= !row.pending.empty();
  return SaveDocument(change, row);
}

void LetGoOfName(Change& change, const StackRecord& record) {
  DropDocumentsOf(change, record.stack().uid());
}

void PublishLater(Change& change, const StackRecord& record) {
  if (record.stack().publish_document().empty()) return;
  const std::string digest = StateToPublish(record);
  if (!digest.empty()) SetPending(change, record.stack().uid(), digest);
}

absl::StatusOr<int> Publisher::RunDue() {
  std::vector<std::string> ids;
  RETURN_IF_ERROR(store_.Read([&](soci::session& sql) {
    ids = PendingDocuments(sql);
    return absl::OkStatus();
  }));
  int written = 0;
  for (const std::string& id : ids) {
    const auto failed = failures_.find(id);
    if (failed != failures_.end() && failed->second.next > store_.Now()) continue;
    const absl::Status status = Publish(id);
    if (status.ok()) {
      failures_.erase(id);
      ++written;
      continue;
    }
    Failure& failure = failures_[id];
    failure.next = store_.Now() + Backoff(failure.attempts++);
    LogWarning("a document is not published yet",
               {{"document", DocumentName(id)}, {"error", status.ToString()}});
  }
  if (ids.empty()) failures_.clear();
  return written;
}

void Publisher::Serve() {
  Notifier& tasks = store_.signals().tasks;
  while (!tasks.closed()) {
    const int64_t seen = tasks.Count();
    const auto done = RunDue();
    if (!done.ok()) LogError("documents cannot be read", {{"error", done.status().ToString()}});
    // What other replicas left shows within this time.
    tasks.Wait(seen, absl::Seconds(1));
  }
}

absl::Status Publisher::Publish(const std::string& id) {
  const auto found =
      store_.ReadValue<DocumentRow>([&](soci::session& sql) { return FindDocument(sql, id); });
  if (ReasonOf(found.status()) == v1::RESOURCE_NOT_FOUND) return absl::OkStatus();
  RETURN_IF_ERROR(found.status());
  if (found->pending.empty()) return absl::OkStatus();
  const auto state = states_.Get(found->pending);
  if (ReasonOf(state.status()) == v1::RESOURCE_NOT_FOUND) {
    return GiveUp(*found, "the state is kept no more");
  }
  RETURN_IF_ERROR(state.status());
  ASSIGN_OR_RETURN(const auto outputs, ReadOutputs(*state));
  const std::string object = ObjectOf(outputs);
  const absl::Status valid = CheckJsonObject(object);
  if (!valid.ok()) return GiveUp(*found, std::string(valid.message()));
  ASSIGN_OR_RETURN(const std::string digest, contents_.Put(object));
  return WriteRow(*found, digest, static_cast<int64_t>(object.size()));
}

absl::Status Publisher::WriteRow(const DocumentRow& seen, const std::string& digest, int64_t size) {
  const bool same = seen.document.digest() == digest;
  const absl::Status written = store_.Write(Actor(), [&](Change& change) -> absl::Status {
    // The event comes first: who ends a run takes the log and the document in this order too.
    if (!same) {
      RETURN_IF_ERROR(RecordOf(change, seen, "stack.published",
                               absl::StrCat("its outputs are ", seen.document.name())));
    }
    ASSIGN_OR_RETURN(const std::string id, ParseDocumentName("name", seen.document.name()));
    const auto row = LockDocument(change, id);
    if (!row.ok() || row->stack_uid != seen.stack_uid || row->pending != seen.pending) {
      return Overtaken();
    }
    DocumentRow next = *row;
    next.pending.clear();
    if (same) return SaveDocument(change, next);
    Document& document = next.document;
    if (document.digest().empty()) *document.mutable_create_time() = ToProto(change.now);
    document.set_digest(digest);
    document.set_size_bytes(size);
    document.set_etag(RandomId());
    *document.mutable_update_time() = ToProto(change.now);
    return SaveDocument(change, next);
  });
  return absl::IsCancelled(written) ? absl::OkStatus() : written;
}

absl::Status Publisher::GiveUp(const DocumentRow& seen, const std::string& why) {
  const absl::Status written = store_.Write(Actor(), [&](Change& change) -> absl::Status {
    RETURN_IF_ERROR(
        RecordOf(change, seen, "stack.publishFailed",
                 absl::StrCat("its outputs cannot be ", seen.document.name(), ": ", why)));
    ASSIGN_OR_RETURN(const std::string id, ParseDocumentName("name", seen.document.name()));
    const auto row = LockDocument(change, id);
    if (!row.ok() || row->stack_uid != seen.stack_uid || row->pending != seen.pending) {
      return Overtaken();
    }
    DocumentRow next = *row;
    next.pending.clear();
    return SaveDocument(change, next);
  });
  return absl::IsCancelled(written) ? absl::OkStatus() : written;
}

}  // namespace stackyard::stacks
