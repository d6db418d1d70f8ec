#include "services/stacks/run_progress.h"

#include <algorithm>

namespace stackyard::stacks {
namespace {

constexpr int kMostActive = 10;
constexpr int kMostDiagnostics = 100;

void TakeResource(const v1::ResourceEvent& event, v1::Run& run) {
  // Planned resources are counted by planned_total; reads are no work.
  if (event.action() == v1::ResourceChange::READ) return;
  v1::Progress& progress = *run.mutable_progress();
  auto& active = *progress.mutable_active();
  const auto found = std::find(active.begin(), active.end(), event.address());
  switch (event.phase()) {
    case v1::ResourceEvent::STARTED:
      if (found == active.end() && active.size() < kMostActive) *active.Add() = event.address();
      break;
    case v1::ResourceEvent::DONE:
    case v1::ResourceEvent::ERRORED:
      if (found != active.end()) active.erase(found);
      if (event.phase() == v1::ResourceEvent::DONE) {
        progress.set_done(progress.done() + 1);
      } else {
        progress.set_failed(progress.failed() + 1);
      }
      // Never more than all, whatever Terraform may tell twice.
      progress.set_total(std::max(progress.total(), progress.done() + progress.failed()));
      break;
    default:
      break;
  }
}

void FinishStep(const v1::RunStep& step, v1::Run& run) {
  for (v1::RunStep& known : *run.mutable_steps()) {
    if (known.name() == step.name() && !known.has_duration()) {
      known = step;
      return;
    }
  }
  *run.add_steps() = step;
}

}  // namespace

void TakeEvent(const v1::RunEvent& event, v1::Run& run) {
  switch (event.event_case()) {
    case v1::RunEvent::kStepStarted: {
      v1::RunStep& step = *run.add_steps();
      step.set_name(event.step_started());
      *step.mutable_start_time() = event.time();
      break;
    }
    case v1::RunEvent::kStepFinished:
      FinishStep(event.step_finished(), run);
      break;
    case v1::RunEvent::kResource:
      TakeResource(event.resource(), run);
      break;
    case v1::RunEvent::kDiagnostic:
      if (run.diagnostics_size() < kMostDiagnostics) *run.add_diagnostics() = event.diagnostic();
      break;
    case v1::RunEvent::kPlannedTotal:
      // What is planned after a takeover comes on top of what was done before it.
      run.mutable_progress()->set_total(run.progress().done() + event.planned_total());
      break;
    default:
      break;
  }
}

}  // namespace stackyard::stacks
