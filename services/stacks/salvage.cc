#include "services/stacks/salvage.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "services/stacks/events.h"
#include "services/stacks/lifecycle.h"
#include "services/stacks/run_store.h"
#include "services/stacks/state_locks.h"
#include "services/stacks/state_replaced.h"
#include "services/stacks/state_store.h"
#include "services/stacks/takeover.h"

namespace stackyard::stacks {
namespace {

using internal::v1::SalvageStateRequest;
using internal::v1::SalvageStateResponse;
using v1::Run;
using v1::StateVersion;

bool ChangesState(Run::Type type) { return type == Run::APPLY || type == Run::DESTROY; }

// Whether a later generation of the run, or a later run, has begun to change resources.
absl::StatusOr<bool> WasOvertaken(soci::session& sql, const RunName& name, const RunRecord& run,
                                  int64_t generation) {
  if (run.run().generation() != generation) return true;
  Page page;
  page.size = 100;
  bool overtaken = false;
  bool older = false;
  do {
    ASSIGN_OR_RETURN(const auto rows, ListRuns(sql, name.stack.project, name.stack.stack, page,
                                               [](const RunRecord&) { return true; }));
    for (const RunRecord& other : rows.items) {
      ASSIGN_OR_RETURN(const RunName number, RunName::Parse("name", other.run().name()));
      older |= number.number <= name.number;
      overtaken |= !older && ChangesState(other.run().type()) && other.run().generation() > 0;
    }
    page.after = rows.next;
  } while (!older && !overtaken && !page.after.empty());
  return overtaken;
}

// Why a state must not become the current one; empty: it may.
absl::StatusOr<std::string> WhyNot(Change& change, const StackRecord& stack, const RunName& name,
                                   const RunRecord& run, int64_t generation,
                                   const StateFile& state) {
  if (!HoldsName(stack.stack().state())) return "its stack is gone";
  if (!stack.state_lineage().empty() && stack.state_lineage() != state.lineage) {
    return absl::StrCat("its lineage is ", state.lineage);
  }
  if (!stack.state_digest().empty() && state.serial <= stack.state_serial()) {
    return "it is older than the current one";
  }
  if (FindStateLock(change.sql, stack.stack().uid())) return "somebody has locked the state";
  ASSIGN_OR_RETURN(const bool overtaken, WasOvertaken(change.sql, name, run, generation));
  if (overtaken) return "another run has begun to change the resources";
  if (stack.state_digest().empty()) return "";
  ASSIGN_OR_RETURN(const StateVersion current, FindState(change.sql, stack, "latest"));
  const bool since = FromProto(current.create_time()) > FromProto(run.run().start_time());
  return current.run() != run.run().name() && since ? "another state was written since" : "";
}

absl::Status TellTooLate(Change& change, const StackName& name, const StackRecord& stack,
                         const StateVersion& stray, const std::string& why) {
  v1::Event event;
  event.set_type("state.foundTooLate");
  event.set_resource(stack.stack().name());
  event.set_message(absl::StrCat("a state with serial ", stray.serial(),
                                 " that a lost runner had left was found too late: ", why,
                                 "; it is kept as ", stray.name()));
  auto& details = *event.mutable_details()->mutable_fields();
  details["serial"].set_number_value(static_cast<double>(stray.serial()));
  details["stateVersion"].set_string_value(stray.name());
  details["run"].set_string_value(stray.run());
  return AppendEvent(change, name.project, event);
}

absl::Status TellSalvaged(Change& change, const StackName& name, const StackRecord& stack,
                          const RunRecord& run) {
  v1::Event event;
  event.set_type("state.salvaged");
  event.set_resource(stack.stack().name());
  event.set_message(absl::StrCat("the state with serial ", stack.state_serial(), " of ",
                                 run.run().name(), " was found where its runner died"));
  return AppendEvent(change, name.project, event);
}

}  // namespace

absl::StatusOr<SalvageStateResponse> Salvage::Take(const SalvageStateRequest& request) {
  const internal::v1::Lease& lease = request.lease();
  std::optional<StateFile> state;
  std::string digest;
  if (!request.state().empty()) {
    ASSIGN_OR_RETURN(state, ParseState(request.state()));
    ASSIGN_OR_RETURN(digest, blobs_.Put(request.state()));
  }
  ASSIGN_OR_RETURN(StateTexts states, StateTexts::OfRuns(store_, blobs_, {lease.run()}));
  if (state) states.Add(digest, request.state());
  RunTally tally;
  auto answer = store_.WriteValue<SalvageStateResponse>(
      Actor(), [&](Change& change) -> absl::StatusOr<SalvageStateResponse> {
        SalvageStateResponse response;
        tally = {.now = change.now};
        // The entry is locked before the stack, as everywhere.
        const auto entry = FindEntry(change, lease.run());
        const bool alive = entry && entry->leased && entry->generation == lease.generation();
        const auto end_lease = [&]() -> absl::Status {
          return alive ? queue_.TakeOver(change, *entry, "died", states, tally) : absl::OkStatus();
        };
        if (!state) {
          response.set_accepted(true);
          RETURN_IF_ERROR(end_lease());
          return response;
        }
        ASSIGN_OR_RETURN(const RunName name, RunName::Parse("lease.run", lease.run()));
        ASSIGN_OR_RETURN(StackRecord stack, LockStack(change, name.stack));
        ASSIGN_OR_RETURN(RunRecord run, FindRun(change.sql, name));
        if (run.stack_uid() != stack.stack().uid()) {
          // Its stack is gone, and the name another's: what it left is still the only account.
          ASSIGN_OR_RETURN(stack, FindStackByUid(change.sql, run.stack_uid()));
        }
        if (!ChangesState(run.run().type())) {
          return InvalidField("lease.run", "changes no state");
        }
        if (WasSaved(change.sql, stack.stack().uid(), digest)) {
          response.set_accepted(true);
          response.set_serial(stack.state_serial());
          RETURN_IF_ERROR(end_lease());
          return response;
        }
        ASSIGN_OR_RETURN(const std::string why_not,
                         WhyNot(change, stack, name, run, lease.generation(), *state));
        const auto size = static_cast<int64_t>(request.state().size());
        if (!why_not.empty()) {
          StateVersion stray = Describe(change, stack, *state, digest, size, run.run().name());
          if (KeepStray(change, stack, stray)) {
            RETURN_IF_ERROR(TellTooLate(change, name.stack, stack, stray, why_not));
          }
          response.set_serial(stack.state_serial());
          RETURN_IF_ERROR(end_lease());
          return response;
        }
        RETURN_IF_ERROR(AppendState(change, stack, *state, digest, size, run.run().name()));
        RETURN_IF_ERROR(TellSalvaged(change, name.stack, stack, run));
        response.set_accepted(true);
        response.set_serial(stack.state_serial());
        if (alive) {
          RETURN_IF_ERROR(end_lease());
          return response;
        }
        RETURN_IF_ERROR(TakeFound(change, stack, run, *state));
        RETURN_IF_ERROR(OnStateReplaced(change, stack, *state, "a newer state was found"));
        return response;
      });
  if (answer.ok()) queue_.Count(tally);
  return answer;
}

}  // namespace stackyard::stacks
