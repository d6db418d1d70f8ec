#include "services/stacks/run_counts.h"

#include "absl/strings/ascii.h"

namespace stackyard::stacks {
namespace {

// From a run that found its runner waiting to a busy Monday morning.
const prometheus::Histogram::BucketBoundaries kWaits = {.01, .05, .1, .25, .5,  1,   2.5,
                                                        5,   10,  30, 60,  300, 900, 3600};
// From a plan of nothing to a cluster.
const prometheus::Histogram::BucketBoundaries kLengths = {
    .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200};

constexpr RunResult kResults[] = {RunResult::kOk, RunResult::kFailed, RunResult::kCancelled,
                                  RunResult::kDrained, RunResult::kLost};

std::string ResultLabel(RunResult result) {
  switch (result) {
    case RunResult::kOk:
      return "ok";
    case RunResult::kCancelled:
      return "cancelled";
    case RunResult::kDrained:
      return "drained";
    case RunResult::kLost:
      return "lost";
    default:
      return "failed";
  }
}

}  // namespace

std::string WorkLabel(Assignment::Work work) {
  return absl::AsciiStrToLower(Assignment::Work_Name(work));
}

RunCounts::RunCounts(prometheus::Registry& registry)
    : waits_(prometheus::BuildHistogram()
                 .Name("stackyard_stacks_run_wait_seconds")
                 .Help("Time from queued, or given back, to acquired")
                 .Register(registry)),
      runs_(prometheus::BuildCounter()
                .Name("stackyard_stacks_runs_total")
                .Help("Runs that runners ended, by kind and result")
                .Register(registry)),
      seconds_(prometheus::BuildHistogram()
                   .Name("stackyard_stacks_run_seconds")
                   .Help("Time from acquired to ended, on the last runner")
                   .Register(registry)),
      takeovers_(prometheus::BuildCounter()
                     .Name("stackyard_stacks_run_takeovers_total")
                     .Help("Runs taken back from runners that were lost")
                     .Register(registry)
                     .Add({})) {
  // The first failure must be a rise from 0, or no alert sees it.
  for (int work = Assignment::Work_MIN + 1; work <= Assignment::Work_MAX; ++work) {
    const std::string kind = WorkLabel(static_cast<Assignment::Work>(work));
    for (const RunResult result : kResults) {
      runs_.Add({{"kind", kind}, {"result", ResultLabel(result)}});
    }
  }
}

void RunCounts::Count(const RunTally& tally) {
  for (const QueueEntry& entry : tally.acquired) Acquired(entry, tally.now);
  for (const RunTally::End& end : tally.ended) Ended(end.entry, end.result, tally.now);
  takeovers_.Increment(tally.takeovers);
}

void RunCounts::Acquired(const QueueEntry& entry, absl::Time now) {
  waits_.Add({{"kind", WorkLabel(entry.work)}}, kWaits)
      .Observe(absl::ToDoubleSeconds(now - entry.enqueue_time));
}

void RunCounts::Ended(const QueueEntry& entry, RunResult result, absl::Time now) {
  const prometheus::Labels labels = {{"kind", WorkLabel(entry.work)},
                                     {"result", ResultLabel(result)}};
  runs_.Add(labels).Increment();
  if (entry.acquire_time == absl::UnixEpoch()) return;
  seconds_.Add(labels, kLengths).Observe(absl::ToDoubleSeconds(now - entry.acquire_time));
}

}  // namespace stackyard::stacks
