#include "services/stacks/takeover.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/proto_time.h"
#include "common/status.h"

namespace stackyard::stacks {
namespace {

using google::protobuf::RepeatedPtrField;
using v1::ResourceChange;
using v1::ResourceEvent;

// Addresses in a sentence.
constexpr size_t kMostNamed = 20;
// Addresses that a run names.
constexpr size_t kMostKept = 1000;

std::string Named(const std::vector<std::string>& addresses) {
  const auto end = addresses.begin() + std::min(addresses.size(), kMostNamed);
  std::string text = absl::StrJoin(addresses.begin(), end, ", ");
  if (addresses.size() > kMostNamed) {
    absl::StrAppend(&text, " and ", addresses.size() - kMostNamed, " more");
  }
  return text;
}

// What a resource event says of whether something may be there.
void Follow(const ResourceEvent& event, std::set<std::string>& open) {
  // Reads make nothing, and what is destroyed leaves the state after it is gone.
  const bool makes = event.action() == ResourceChange::CREATE ||
                     event.action() == ResourceChange::UPDATE ||
                     event.action() == ResourceChange::REPLACE;
  switch (event.phase()) {
    case ResourceEvent::STARTED:
    case ResourceEvent::RUNNING:
    case ResourceEvent::DONE:
      if (makes) open.insert(event.address());
      break;
    case ResourceEvent::ERRORED:
      open.erase(event.address());
      break;
    default:
      break;
  }
}

void EraseSaved(const StateFile& state, std::set<std::string>& addresses) {
  for (const v1::Resource& resource : state.resources) addresses.erase(resource.address());
}

std::vector<std::string> UnsavedOf(soci::session& sql, const std::string& uid) {
  const soci::rowset<std::string> rows =
      (sql.prepare << "SELECT address FROM unsaved_resources WHERE uid = :uid ORDER BY address",
       soci::use(uid));
  return {rows.begin(), rows.end()};
}

std::string LostText(const std::string& runner, const std::string& how,
                     const std::vector<std::string>& unsaved) {
  std::string text = absl::StrCat("the runner ", runner, " ", how);
  if (!unsaved.empty()) {
    absl::StrAppend(&text, "; these may exist without being in the state: ", Named(unsaved));
  }
  return text;
}

void SetUnsaved(const std::vector<std::string>& unsaved, v1::Run& run) {
  run.mutable_unsaved_resources()->Assign(unsaved.begin(), unsaved.end());
  auto& diagnostics = *run.mutable_diagnostics();
  diagnostics.erase(std::remove_if(diagnostics.begin(), diagnostics.end(),
                                   [](const auto& one) {
                                     return one.summary() == "The resource may be unsaved";
                                   }),
                    diagnostics.end());
  for (const std::string& address : unsaved) {
    v1::Diagnostic& diagnostic = *run.add_diagnostics();
    diagnostic.set_severity(v1::Diagnostic::WARNING);
    diagnostic.set_summary("The resource may be unsaved");
    diagnostic.set_detail(
        "Its change had begun, and its end was never told. It may exist without being in the "
        "state.");
    diagnostic.set_address(address);
  }
}

}  // namespace

std::vector<std::string> FindUnsaved(soci::session& sql, const std::string& run, int64_t reported,
                                     const StateFile& state) {
  const soci::rowset<std::string> bodies =
      (sql.prepare << "SELECT body FROM (SELECT sequence, body FROM run_events WHERE run = :run "
                      "ORDER BY sequence DESC LIMIT :count) AS last ORDER BY sequence",
       soci::use(run), soci::use(reported));
  std::set<std::string> open;
  for (const std::string& body : bodies) {
    const auto event = Unpacked<v1::RunEvent>(body);
    if (event.ok() && event->has_resource()) Follow(event->resource(), open);
  }
  EraseSaved(state, open);
  return {open.begin(), open.end()};
}

namespace {

// Writes down in run and database what may be unsaved, and answers it.
std::vector<std::string> NoteUnsaved(Change& change, const StackRecord& stack, RunRecord& run,
                                     const QueueEntry& entry, const StateFile& state) {
  const std::string uid = stack.stack().uid();
  std::set<std::string> all;
  for (std::string& address : FindUnsaved(change.sql, entry.target, entry.events_seen, state)) {
    all.insert(std::move(address));
  }
  // Of an earlier generation of this run.
  all.insert(run.run().unsaved_resources().begin(), run.run().unsaved_resources().end());
  EraseSaved(state, all);
  std::vector<std::string> unsaved(all.begin(), all.end());
  if (unsaved.size() > kMostKept) unsaved.resize(kMostKept);
  SetUnsaved(unsaved, *run.mutable_run());
  const int64_t revision = stack.stack().latest_revision();
  for (const std::string& address : unsaved) {
    change.sql << "INSERT INTO unsaved_resources (uid, address, run, revision) "
                  "VALUES (:uid, :address, :run, :revision) ON CONFLICT (uid, address) "
                  "DO UPDATE SET run = excluded.run, revision = excluded.revision",
        soci::use(uid), soci::use(address), soci::use(entry.target), soci::use(revision);
  }
  return unsaved;
}

}  // namespace

absl::StatusOr<absl::Status> TellLost(Change& change, const StackRecord& stack, RunRecord& run,
                                      const QueueEntry& entry, const StateFile& state,
                                      const std::string& how) {
  const std::vector<std::string> unsaved = NoteUnsaved(change, stack, run, entry, state);
  return Error(v1::RUN_FAILED, LostText(entry.runner, how, unsaved),
               {{"run", entry.target}, {"unsaved", absl::StrJoin(unsaved, ",")}});
}

absl::Status TellBroken(Change& change, const StackRecord& stack, RunRecord& run,
                        const QueueEntry& entry, const StateFile& state) {
  if (NoteUnsaved(change, stack, run, entry, state).empty()) return absl::OkStatus();
  return SaveRun(change, run);
}

absl::Status TellSuccessor(Change& change, const StackRecord& stack, const std::string& run) {
  const std::string text = UnsavedText(change.sql, stack.stack().uid());
  if (text.empty() || run.empty()) return absl::OkStatus();
  RepeatedPtrField<v1::RunEvent> events;
  *events.Add()->mutable_time() = ToProto(change.now);
  events[0].set_notice(absl::StrCat("A run was cut off; ", text));
  return AppendRunEvents(change, run, events, 0);
}

absl::Status TakeFound(Change& change, const StackRecord& stack, RunRecord& run,
                       const StateFile& state) {
  const std::string uid = stack.stack().uid();
  for (const v1::Resource& resource : state.resources) {
    change.sql << "DELETE FROM unsaved_resources WHERE uid = :uid AND address = :address",
        soci::use(uid), soci::use(resource.address());
  }
  if (run.run().unsaved_resources().empty()) return absl::OkStatus();
  std::set<std::string> rest(run.run().unsaved_resources().begin(),
                             run.run().unsaved_resources().end());
  EraseSaved(state, rest);
  const std::vector<std::string> unsaved(rest.begin(), rest.end());
  SetUnsaved(unsaved, *run.mutable_run());
  if (run.run().state() == v1::Run::FAILED) {
    *run.mutable_run()->mutable_error() = ToProto(Error(
        v1::RUN_FAILED, LostText(run.run().runner(), "was lost, its last state was found", unsaved),
        {{"run", run.run().name()}, {"unsaved", absl::StrJoin(unsaved, ",")}}));
  }
  return SaveRun(change, run);
}

std::string UnsavedText(soci::session& sql, const std::string& uid) {
  const std::vector<std::string> unsaved = UnsavedOf(sql, uid);
  if (unsaved.empty()) return "";
  return absl::StrCat("these may exist without being in the state: ", Named(unsaved));
}

void ForgetUnsaved(Change& change, const std::string& uid, int64_t revision) {
  change.sql << "DELETE FROM unsaved_resources WHERE uid = :uid AND revision < :revision",
      soci::use(uid), soci::use(revision);
}

}  // namespace stackyard::stacks
