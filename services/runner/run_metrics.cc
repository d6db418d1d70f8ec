#include "services/runner/run_metrics.h"

namespace stackyard::runner {

RunMetrics::RunMetrics(prometheus::Registry& registry)
    : runs_(prometheus::BuildCounter()
                .Name("stackyard_runner_runs_total")
                .Help("Runs that ended, by kind of work and result.")
                .Register(registry)),
      steps_(prometheus::BuildHistogram()
                 .Name("stackyard_runner_step_seconds")
                 .Help("How long the steps of runs took.")
                 .Register(registry)),
      slots_(prometheus::BuildGauge()
                 .Name("stackyard_runner_slots")
                 .Help("Runs that the runner takes at the same time.")
                 .Register(registry)
                 .Add({})),
      busy_(prometheus::BuildGauge()
                .Name("stackyard_runner_slots_busy")
                .Help("Runs that go on.")
                .Register(registry)
                .Add({})),
      draining_(prometheus::BuildGauge()
                    .Name("stackyard_runner_draining")
                    .Help("1 while the runner takes no new work and lets its runs end, else 0.")
                    .Register(registry)
                    .Add({})) {}

void RunMetrics::CountRun(const std::string& work, const std::string& result) {
  runs_.Add({{"work", work}, {"result", result}}).Increment();
}

void RunMetrics::ObserveStep(const std::string& work, const std::string& step,
                             absl::Duration took) {
  steps_
      .Add({{"work", work}, {"step", step}},
           prometheus::Histogram::BucketBoundaries{0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300,
                                                   1000, 3000})
      .Observe(absl::ToDoubleSeconds(took));
}

}  // namespace stackyard::runner
