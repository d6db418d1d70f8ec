#include "services/runner/run.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/proto_time.h"
#include "common/span.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "services/runner/local_state.h"
#include "services/runner/run_note.h"
#include "services/runner/run_providers.h"
#include "services/runner/steps.h"
#include "services/runner/terraform_traces.h"

namespace stackyard::runner {
namespace {

using internal::v1::Assignment;

constexpr absl::Duration kDefaultTimeout = absl::Hours(2);

absl::Status StopStatus(const RunControl& control, const std::string& step) {
  const StopReason reason = control.reason();
  return Error(v1::RUN_CANCELLED,
               absl::StrCat(reason == StopReason::kDrained ? "the runner was shut down"
                                                           : "the run was cancelled",
                            " in the step ", step),
               {{"step", step}, {"cause", Name(reason)}});
}

// Errors of the runner's own get a reason, and say in which step.
absl::Status Explain(const absl::Status& status, const RunContext& context) {
  if (status.ok() || ReasonOf(status) != v1::ERROR_REASON_UNSPECIFIED) return status;
  LogError("a step failed for a fault of the runner",
           {{"run", context.assignment.lease().run()},
            {"step", context.step},
            {"error", context.scrubber.Scrub(status.ToString())}});
  return Error(v1::INTERNAL_FAULT, context.scrubber.Scrub(std::string(status.message())),
               {{"step", context.step}});
}

Span SpanOf(const Assignment& assignment) {
  Span span = Span::RemoteChild(absl::StrCat("run ", WorkName(assignment.work())),
                                SpanKind::kConsumer, assignment.traceparent());
  span.Set("stackyard.run", assignment.lease().run());
  span.Set("stackyard.generation", assignment.lease().generation());
  span.Set("stackyard.template_version", assignment.template_version());
  return span;
}

void FailWith(ThreadSpan& span, const absl::Status& status) {
  if (!status.ok()) span->Fail(v1::ErrorReason_Name(ReasonOf(status)));
}

absl::Status RunStep(RunContext& context, const Step& step) {
  ThreadSpan span(absl::StrCat("step ", step.name));
  const absl::Time start = context.parts.clock.TimeNow();
  context.step = step.name;
  context.step_deadline = absl::Now() + context.allowance.TimeoutOf(step.name);
  v1::RunEvent begun;
  begun.set_step_started(step.name);
  context.reporter.Event(std::move(begun));

  const absl::Status status = Explain(step.body(context), context);

  FailWith(span, status);
  const absl::Duration took = context.parts.clock.TimeNow() - start;
  v1::RunEvent ended;
  v1::RunStep& told = *ended.mutable_step_finished();
  told.set_name(step.name);
  *told.mutable_start_time() = ToProto(start);
  *told.mutable_duration() = ToProto(took);
  told.set_failed(!status.ok());
  context.reporter.Event(std::move(ended));
  context.parts.metrics.ObserveStep(WorkName(context.assignment.work()), step.name, took);
  return status;
}

absl::Status RunSteps(RunContext& context) {
  absl::Status result;
  for (const Step& step : StepsFor(context.assignment, context.parts.policy != nullptr)) {
    if (result.ok() && !step.always && context.control.interrupted()) {
      result = StopStatus(context.control, step.name);
    }
    if (!result.ok() && !step.always) continue;
    const absl::Status status = RunStep(context, step);
    if (status.ok() || !result.ok()) continue;
    // What Terraform says when it is interrupted is not why the run ended.
    result = context.control.interrupted() ? StopStatus(context.control, step.name) : status;
  }
  return result;
}

std::string ResultName(const RunControl& control, const absl::Status& status) {
  if (control.abandoned()) return "lost";
  if (status.ok()) return "ok";
  return ReasonOf(status) == v1::RUN_CANCELLED ? "cancelled" : "failed";
}

// The place of a run: one that is ready for it, or a new one.
absl::StatusOr<std::unique_ptr<ReadySite>> MakeSite(const RunnerParts& parts,
                                                    const Assignment& assignment) {
  std::unique_ptr<ReadySite> site;
  const Limits limits = Allow(assignment.limits(), parts.limits).limits;
  // What waits has the environment and the limits that runs have as a rule, and no providers.
  const bool plain = limits == parts.limits.usual && assignment.environment().empty() &&
                     !ExportsTraces(parts.terraform) && assignment.credentials().empty() &&
                     parts.modules.NeedsNoProviders(assignment.bundle_digest());
  const Assignment::Work work = assignment.work();
  const bool network = !assignment.network_disabled();
  if (plain && (work == Assignment::PLAN || work == Assignment::PREVIEW)) {
    site = parts.standby.Take({StandbyPool::Work::kPlan, network});
  } else if (plain && work == Assignment::APPLY) {
    site = parts.standby.Take({StandbyPool::Work::kApply, network});
  } else {
    parts.standby.Busy();
  }
  if (site != nullptr) return site;
  site = std::make_unique<ReadySite>();
  ASSIGN_OR_RETURN(site->folder, parts.workspace.MakeRunFolder(assignment.lease()));
  ASSIGN_OR_RETURN(site->box, parts.containment.MakeBox(limits));
  return site;
}

absl::Status RunInSite(const RunnerParts& parts, const Assignment& assignment, RunControl& control,
                       ReadySite& site, internal::v1::CompleteRunRequest& result) {
  Scrubber scrubber(assignment, parts.terraform.passed_environment());
  Reporter reporter(parts.queue, assignment.lease(), scrubber, control, parts.clock);
  if (assignment.lease().generation() > 1) {
    reporter.Notice(absl::StrCat("The run was taken over by another runner: attempt ",
                                 assignment.lease().generation(), "."));
  }
  const RunAllowance allowance = Allow(assignment.limits(), parts.limits);
  for (const std::string& notice : allowance.notices) reporter.Notice(notice);
  ProcessLimits limits;
  limits.deadline =
      absl::Now() + (assignment.has_timeout() ? FromProto(assignment.timeout()) : kDefaultTimeout);
  RunContext context{.parts = parts,
                     .assignment = assignment,
                     .scrubber = scrubber,
                     .control = control,
                     .reporter = reporter,
                     .folder = *site.folder,
                     .standby = std::move(site.terraform),
                     .box = *site.box,
                     .allowance = allowance,
                     .limits = limits,
                     .step_deadline = absl::InfiniteFuture(),
                     .result = result};
  const absl::Status status = RunSteps(context);
  if (status.ok() && context.providers != nullptr) context.providers->GiveBack();
  context.providers.reset();
  reporter.Finish();
  return scrubber.Scrub(status);
}

// Whether the folder holds a newer state than the service has: it did not take the last one.
bool HasUnsavedState(const RunFolder& folder, const Assignment& assignment,
                     const internal::v1::CompleteRunRequest& result) {
  if (assignment.work() != Assignment::APPLY && assignment.work() != Assignment::DESTROY) {
    return false;
  }
  const auto left = NewestState(folder.module(), {kCurrentState, kErroredState}, "");
  return left && left->serial > std::max(result.state().serial(), StateSerial(assignment.state()));
}

}  // namespace

void ExecuteRun(const RunnerParts& parts, const Assignment& assignment, RunControl& control) {
  const RequestScope scope(/*request_id=*/"", assignment.traceparent());
  ThreadSpan span(SpanOf(assignment));
  const std::string work = WorkName(assignment.work());
  const std::string& name = assignment.lease().run();
  const absl::Time start = parts.clock.TimeNow();
  LogInfo("run begins",
          {{"run", name}, {"generation", assignment.lease().generation()}, {"work", work}});

  internal::v1::CompleteRunRequest result;
  *result.mutable_lease() = assignment.lease();
  result.set_engine(parts.terraform.engine().Label());
  auto site = MakeSite(parts, assignment);
  if (site.ok()) {
    const absl::Status noted = WriteNote((*site)->folder->path(), assignment);
    if (!noted.ok()) site = noted;
  }
  const absl::Status status = site.ok()
                                  ? RunInSite(parts, assignment, control, **site, result)
                                  : Error(v1::INTERNAL_FAULT, std::string(site.status().message()));
  *result.mutable_status() = ToProto(status);
  // Half a module or a plan that was not stored is of no use; a state is, however it came about.
  if (!status.ok() && !result.has_state()) result.clear_result();
  if (!control.abandoned()) {
    const absl::Status completed = parts.queue.Complete(result, control);
    if (ReasonOf(completed) == v1::GENERATION_STALE) control.Abandon(StopReason::kLeaseLost);
    if (!completed.ok()) {
      LogError("a run could not be completed",
               {{"run", name}, {"error", std::string(completed.message())}});
    }
  }
  // Who goes on with it has to know what was not saved.
  if (site.ok() && HasUnsavedState(*(*site)->folder, assignment, result)) {
    parts.salvager.Add(std::move((*site)->folder));
  }
  const std::string outcome = ResultName(control, status);
  span->Set("stackyard.result", outcome);
  FailWith(span, status);
  if (outcome == "ok" && assignment.work() == Assignment::APPLY) {
    parts.plans.Remove(assignment.plan_digest());
  }
  parts.metrics.CountRun(work, outcome);
  LogInfo("run ended", {{"run", name},
                        {"work", work},
                        {"result", outcome},
                        {"error", std::string(status.message())},
                        {"seconds", absl::ToDoubleSeconds(parts.clock.TimeNow() - start)}});
}

}  // namespace stackyard::runner
