#include "services/stacks/run_queue.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/id.h"
#include "common/log.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "services/stacks/assignments.h"
#include "services/stacks/catalog.h"
#include "services/stacks/credential_secrets.h"
#include "services/stacks/drift.h"
#include "services/stacks/events.h"
#include "services/stacks/flow.h"
#include "services/stacks/operations.h"
#include "services/stacks/previews.h"
#include "services/stacks/row_secrets.h"
#include "services/stacks/run_progress.h"
#include "services/stacks/run_store.h"
#include "services/stacks/run_trace.h"
#include "services/stacks/state_store.h"
#include "services/stacks/takeover.h"

namespace stackyard::stacks {
namespace {

using internal::v1::AcquireRunsRequest;
using internal::v1::AcquireRunsResponse;
using internal::v1::CompleteRunRequest;
using internal::v1::CompleteRunResponse;
using internal::v1::HeartbeatRequest;
using internal::v1::HeartbeatResponse;
using internal::v1::ReportRunRequest;
using internal::v1::ReportRunResponse;
using internal::v1::SaveStateRequest;
using internal::v1::SaveStateResponse;
using v1::Run;

Actor RunnerActor(const std::string& runner) {
  return {absl::StrCat("runners/", runner), RequestScope::RequestId()};
}

absl::Status CancelledBy(const RunRecord& run) {
  return Error(v1::RUN_CANCELLED,
               run.cancel_reason().empty()
                   ? "the run was cancelled"
                   : absl::StrCat("the run was cancelled: ", run.cancel_reason()),
               {{"run", run.run().name()}});
}

// Writes down how a run ended. `status` becomes that of the cancellation when there was one.
absl::Status Ended(Change& change, const CompleteRunRequest& request, const QueueEntry& entry,
                   absl::Status& status, RunRecord& run) {
  if (!status.ok() && entry.cancel > 0) status = CancelledBy(run);
  Run& shown = *run.mutable_run();
  shown.set_state(status.ok() ? Run::SUCCEEDED : entry.cancel > 0 ? Run::CANCELLED : Run::FAILED);
  if (!status.ok()) *shown.mutable_error() = ToProto(status);
  if (!request.engine().empty()) shown.set_engine(request.engine());
  *shown.mutable_end_time() = ToProto(change.now);
  shown.mutable_progress()->clear_active();
  for (v1::RunStep& step : *shown.mutable_steps()) {
    if (step.has_duration()) continue;
    *step.mutable_duration() = ToProto(change.now - FromProto(step.start_time()));
    step.set_failed(!status.ok());
  }
  return SaveRun(change, run);
}

// Whether an apply has changed the state since its plan was made. Destroying plans for itself.
absl::StatusOr<bool> HasMoved(Change& change, const StackRecord& stack, const QueueEntry& entry) {
  if (entry.work != Assignment::APPLY) return false;
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("name", stack.stack().name()));
  ASSIGN_OR_RETURN(const RevisionRecord revision,
                   FindRevision(change.sql, name, stack.stack().latest_revision()));
  return stack.state_serial() != revision.revision().plan().state_serial();
}

// The runner itself was told to stop: the run is to go on elsewhere.
bool WasDrained(const absl::Status& status) {
  google::rpc::ErrorInfo info;
  if (!ReadDetail(status, info)) return false;
  const auto cause = info.metadata().find("cause");
  return cause != info.metadata().end() && cause->second == "drained";
}

}  // namespace

absl::StatusOr<AcquireRunsResponse> RunQueue::TryAcquire(const AcquireRunsRequest& request) {
  // Idle runners only read.
  ASSIGN_OR_RETURN(const std::vector<std::string> waiting,
                   store_.ReadValue<std::vector<std::string>>(
                       [&](soci::session& sql) -> absl::StatusOr<std::vector<std::string>> {
                         return WaitingTargets(sql, request.free_slots());
                       }));
  if (waiting.empty()) return AcquireRunsResponse();
  // Before anything is leased: nobody takes a run that cannot begin.
  ASSIGN_OR_RETURN(const StateTexts states, StateTexts::OfRuns(store_, blobs_, waiting));
  using Prepared = std::vector<PreparedAssignment>;
  RunTally tally;
  ASSIGN_OR_RETURN(
      Prepared prepared,
      store_.WriteValue<Prepared>(
          RunnerActor(request.runner()), [&](Change& change) -> absl::StatusOr<Prepared> {
            Prepared result;
            tally = {.now = change.now};
            const auto entries = LeaseEntries(change, request.runner(), request.free_slots(),
                                              change.now + options_.lease);
            for (const QueueEntry& entry : entries) {
              auto one = PrepareAssignment(change, entry, request.engine());
              if (!one.ok()) {
                // It comes back when its lease runs out; the others must not wait for it.
                LogError("a run cannot be started",
                         {{"run", entry.target}, {"error", one.status().ToString()}});
                continue;
              }
              Assignment& assignment = one->assignment;
              if (!assignment.stack().empty()) {
                const absl::Status handed = HandOver(change.sql, change.sealer, assignment);
                if (!handed.ok()) {
                  LogError("a run cannot be given its credentials",
                           {{"run", entry.target}, {"error", handed.ToString()}});
                  continue;
                }
              }
              assignment.set_work(entry.work);
              assignment.mutable_lease()->set_run(entry.target);
              assignment.mutable_lease()->set_generation(entry.generation);
              *assignment.mutable_timeout() = ToProto(options_.run_timeout);
              *assignment.mutable_policy() = options_.policy;
              tally.acquired.push_back(entry);
              one->entry = entry;
              result.push_back(*std::move(one));
            }
            return result;
          }));
  Count(tally);
  AcquireRunsResponse response;
  for (PreparedAssignment& one : prepared) {
    if (!one.state_digest.empty()) {
      ASSIGN_OR_RETURN(*one.assignment.mutable_state(), states.Get(one.state_digest));
    }
    one.assignment.set_traceparent(TraceOfLease(one.entry, one.request));
    *response.add_assignments() = std::move(one.assignment);
  }
  return response;
}

absl::Status RunQueue::PutBack(const std::string& runner, const AcquireRunsResponse& leased) {
  return store_.Write(RunnerActor(runner), [&](Change& change) {
    for (const Assignment& assignment : leased.assignments()) {
      auto entry = CheckLease(change, assignment.lease());
      if (entry.ok()) GiveBack(change, *std::move(entry));
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<AcquireRunsResponse> RunQueue::Acquire(const AcquireRunsRequest& request,
                                                      const std::function<bool()>& gone) {
  if (request.runner().empty()) return InvalidField("runner", "is missing");
  if (request.free_slots() < 1) return InvalidField("free_slots", "must be 1 or more");
  Notifier& queue = store_.signals().queue;
  // Real time: a poll is about the connection, not about the domain.
  const absl::Time deadline =
      absl::Now() + std::min(FromProto(request.timeout()), absl::Minutes(1));
  for (;;) {
    const int64_t seen = queue.Count();
    if (gone()) return AcquireRunsResponse();
    ASSIGN_OR_RETURN(AcquireRunsResponse response, TryAcquire(request));
    if (response.assignments_size() > 0) {
      if (!gone()) return response;
      RETURN_IF_ERROR(PutBack(request.runner(), response));
      return AcquireRunsResponse();
    }
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration() || queue.closed()) return response;
    // Work that another replica queued shows within this time.
    queue.Wait(seen, std::min(left, absl::Milliseconds(500)));
  }
}

absl::StatusOr<HeartbeatResponse> RunQueue::Heartbeat(const HeartbeatRequest& request) {
  return store_.WriteValue<HeartbeatResponse>(
      RunnerActor(request.runner()), [&](Change& change) -> absl::StatusOr<HeartbeatResponse> {
        HeartbeatResponse response;
        for (const Lease& lease : request.leases()) {
          auto entry = CheckLease(change, lease);
          if (!entry.ok()) {
            *response.add_lost() = lease;
            continue;
          }
          entry->lease_until = change.now + options_.lease;
          SaveEntry(change, *entry);
          if (entry->cancel > 0) {
            auto& cancellation = *response.add_cancellations();
            *cancellation.mutable_lease() = lease;
            cancellation.set_kill(entry->cancel > 1);
          }
        }
        return response;
      });
}

absl::StatusOr<ReportRunResponse> RunQueue::Report(const ReportRunRequest& request) {
  return store_.WriteValue<ReportRunResponse>(
      Actor(), [&](Change& change) -> absl::StatusOr<ReportRunResponse> {
        ASSIGN_OR_RETURN(QueueEntry entry, CheckLease(change, request.lease()));
        ReportRunResponse response;
        response.set_cancel(entry.cancel > 0);
        // A part that was received before is skipped.
        int skip = 0;
        while (skip < request.events_size() &&
               request.events(skip).sequence() <= entry.events_seen) {
          ++skip;
        }
        if (skip < request.events_size() &&
            request.events(skip).sequence() != entry.events_seen + 1) {
          return InvalidField("events", absl::StrCat("must go on from ", entry.events_seen + 1));
        }
        if (request.log_offset() < 0 || request.log_offset() > entry.log_seen) {
          return InvalidField("log_offset", absl::StrCat("must go on from ", entry.log_seen));
        }
        const int64_t overlap = entry.log_seen - request.log_offset();
        const std::string_view text = overlap < static_cast<int64_t>(request.log().size())
                                          ? std::string_view(request.log()).substr(overlap)
                                          : std::string_view();
        if (skip == request.events_size() && text.empty()) return response;

        const std::string& target = request.lease().run();
        RETURN_IF_ERROR(AppendRunEvents(change, target, request.events(), skip));
        entry.events_seen += request.events_size() - skip;
        entry.log_seen += static_cast<int64_t>(text.size());
        SaveEntry(change, entry);
        if (entry.work == Assignment::INSPECT) return response;

        ASSIGN_OR_RETURN(const RunName name, RunName::Parse("lease.run", target));
        ASSIGN_OR_RETURN(RunRecord run, FindRun(change.sql, name));
        RETURN_IF_ERROR(AppendLog(change, target, run.run().log_size(), text, options_.log));
        run.mutable_run()->set_log_size(run.run().log_size() + static_cast<int64_t>(text.size()));
        for (int i = skip; i < request.events_size(); ++i) {
          TakeEvent(request.events(i), *run.mutable_run());
        }
        RETURN_IF_ERROR(SaveRun(change, run));
        if (skip < request.events_size()) {
          RETURN_IF_ERROR(
              AdvanceOperation(change, run.operation(), [&](OperationMetadata& metadata) {
                *metadata.mutable_progress() = run.run().progress();
              }));
        }
        return response;
      });
}

absl::StatusOr<SaveStateResponse> RunQueue::SaveState(const SaveStateRequest& request) {
  ASSIGN_OR_RETURN(const StateFile state, ParseState(request.state()));
  ASSIGN_OR_RETURN(const std::string digest, blobs_.Put(request.state()));
  return store_.WriteValue<SaveStateResponse>(
      Actor(), [&](Change& change) -> absl::StatusOr<SaveStateResponse> {
        ASSIGN_OR_RETURN(const QueueEntry entry, CheckLease(change, request.lease()));
        ASSIGN_OR_RETURN(RunAndStack both, LoadRun(change, entry.target));
        RETURN_IF_ERROR(AppendState(change, both.stack, state, digest,
                                    static_cast<int64_t>(request.state().size()),
                                    both.run.run().name()));
        SaveStateResponse response;
        response.set_serial(both.stack.state_serial());
        return response;
      });
}

absl::StatusOr<CompleteRunResponse> RunQueue::Complete(const CompleteRunRequest& request) {
  ASSIGN_OR_RETURN(const StateTexts states,
                   StateTexts::OfRuns(store_, blobs_, {request.lease().run()}));
  RunTally tally;
  auto response = store_.WriteValue<CompleteRunResponse>(
      Actor(), [&](Change& change) -> absl::StatusOr<CompleteRunResponse> {
        tally = {.now = change.now};
        // The answer to the first completion may have been lost.
        if (WasFinished(change, request.lease())) return CompleteRunResponse();
        ASSIGN_OR_RETURN(const QueueEntry entry, CheckLease(change, request.lease()));
        RETURN_IF_ERROR(Finish(change, request, entry, states, tally));
        return CompleteRunResponse();
      });
  if (response.ok()) Count(tally);
  return response;
}

absl::Status RunQueue::Finish(Change& change, const CompleteRunRequest& request,
                              const QueueEntry& entry, const StateTexts& states, RunTally& tally) {
  absl::Status status = FromProto(request.status());
  const bool drained = !status.ok() && WasDrained(status) && entry.cancel == 0;
  if (drained && entry.work != Assignment::APPLY) {
    // Another runner starts over, destroying from the state that was saved last.
    GiveBack(change, entry);
    return absl::OkStatus();
  }
  FinishEntry(change, entry);
  const RunResult result = drained            ? RunResult::kDrained
                           : status.ok()      ? RunResult::kOk
                           : entry.cancel > 0 ? RunResult::kCancelled
                                              : RunResult::kFailed;
  tally.ended.push_back({entry, result});
  if (entry.work == Assignment::INSPECT) return OnInspected(change, entry.target, request);

  if (entry.work == Assignment::PREVIEW) {
    ASSIGN_OR_RETURN(const RunName name, RunName::Parse("lease.run", entry.target));
    ASSIGN_OR_RETURN(RunRecord run, FindRun(change.sql, name));
    RETURN_IF_ERROR(Ended(change, request, entry, status, run));
    return status.ok() ? OnPreviewed(change, run, request.plan())
                       : EndPreview(change, run, status, nullptr);
  }
  ASSIGN_OR_RETURN(RunAndStack both, LoadRun(change, entry.target));
  auto& [run, stack] = both;
  RETURN_IF_ERROR(Ended(change, request, entry, status, run));

  if (entry.work == Assignment::REFRESH) {
    return status.ok() ? OnDriftChecked(change, stack, run, request.plan())
                       : OnDriftCheckFailed(change, stack, run, status);
  }
  if (entry.work == Assignment::PLAN) {
    return status.ok() ? OnPlanned(change, stack, run, request.plan())
                       : GiveUp(change, stack, status, false);
  }
  ASSIGN_OR_RETURN(const StateFile state, states.Current(stack));
  // Terraform may have been killed in the middle of something.
  if (!status.ok()) RETURN_IF_ERROR(TellBroken(change, stack, run, entry, state));
  if (drained && entry.work == Assignment::APPLY) {
    return PlanRest(change, stack, run.operation(), "the runner was stopped");
  }
  if (!status.ok()) return OnBroken(change, stack, run, state, status);
  if (entry.work == Assignment::DESTROY) return OnDestroyed(change, stack, run.operation());
  return OnApplied(change, stack, run, state);
}

absl::StatusOr<int> RunQueue::TakeBack() {
  std::vector<std::string> expired;
  RETURN_IF_ERROR(store_.Read([&](soci::session& sql) {
    expired = ExpiredTargets(sql, store_.Now());
    return absl::OkStatus();
  }));
  if (expired.empty()) return 0;
  // While states cannot be read nobody could go on with a run anyway.
  ASSIGN_OR_RETURN(const StateTexts states, StateTexts::OfRuns(store_, blobs_, expired));
  RunTally tally;
  auto count = store_.WriteValue<int>(Actor(), [&](Change& change) -> absl::StatusOr<int> {
    tally = {.now = change.now};
    const std::vector<QueueEntry> entries = ExpiredEntries(change);
    for (const QueueEntry& entry : entries) {
      LogWarning("a runner fell silent", {{"runner", entry.runner}, {"run", entry.target}});
      RETURN_IF_ERROR(TakeOver(change, entry, "fell silent", states, tally));
    }
    return static_cast<int>(entries.size());
  });
  if (count.ok()) Count(tally);
  return count;
}

absl::Status RunQueue::TakeOver(Change& change, QueueEntry entry, const std::string& how,
                                const StateTexts& states, RunTally& tally) {
  ++tally.takeovers;
  if (entry.work == Assignment::APPLY || entry.work == Assignment::DESTROY) {
    ASSIGN_OR_RETURN(RunAndStack both, LoadRun(change, entry.target));
    auto& [run, stack] = both;
    // A state that cannot be read keeps nobody from being taken over; all is told then.
    const auto loaded = states.Current(stack);
    if (!loaded.ok()) {
      LogError("the state of a stack cannot be read",
               {{"stack", stack.stack().name()}, {"error", loaded.status().ToString()}});
    }
    const StateFile state = loaded.ok() ? *loaded : StateFile();
    ASSIGN_OR_RETURN(const absl::Status lost, TellLost(change, stack, run, entry, state, how));
    ASSIGN_OR_RETURN(const bool moved, HasMoved(change, stack, entry));
    if (moved) {
      // Terraform refuses a plan of an older state.
      // The next generation, so that the lost runner's completion is refused.
      ++entry.generation;
      FinishEntry(change, entry);
      tally.ended.push_back({entry, RunResult::kLost});
      run.mutable_run()->set_state(Run::FAILED);
      *run.mutable_run()->mutable_error() = ToProto(lost);
      *run.mutable_run()->mutable_end_time() = ToProto(change.now);
      RETURN_IF_ERROR(SaveRun(change, run));
      RETURN_IF_ERROR(
          PlanRest(change, stack, run.operation(), absl::StrCat("its runner ", how, " half way")));
      return TellSuccessor(change, stack, stack.stack().active_run());
    }
    RETURN_IF_ERROR(SaveRun(change, run));
    RETURN_IF_ERROR(TellSuccessor(change, stack, entry.target));
    if (const std::string text = UnsavedText(change.sql, stack.stack().uid()); !text.empty()) {
      stack.mutable_stack()->mutable_state_detail()->set_message(
          absl::StrCat("its runner ", how, ", another goes on; ", text));
      RETURN_IF_ERROR(SaveStack(change, stack));
    }
  }
  GiveBack(change, std::move(entry));
  return absl::OkStatus();
}

}  // namespace stackyard::stacks
