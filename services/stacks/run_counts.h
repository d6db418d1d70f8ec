// What Prometheus is told of runs: how long they wait and take, and how they end.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "services/stacks/queue_store.h"

namespace stackyard::stacks {

// `inspect`, `plan`, …: the label of a kind of work.
std::string WorkLabel(Assignment::Work work);

enum class RunResult {
  kOk,
  kFailed,
  kCancelled,
  // Its runner was stopped half way: the rest is planned anew.
  kDrained,
  // Its runner died half way: the same.
  kLost
};

// What happens to runs within a transaction: counted when it was committed, since it may be tried
// more than once.
struct RunTally {
  struct End {
    QueueEntry entry;
    RunResult result;
  };
  // When.
  absl::Time now;
  // Entries that a runner took.
  std::vector<QueueEntry> acquired;
  // Entries whose work was over.
  std::vector<End> ended;
  // Runners that were lost, so that others are to go on.
  int takeovers = 0;
};

// Thread-safe.
class RunCounts {
 public:
  explicit RunCounts(prometheus::Registry& registry);

  void Count(const RunTally& tally);

 private:
  void Acquired(const QueueEntry& entry, absl::Time now);
  // What was acquired before that was written down took nobody knows how long.
  void Ended(const QueueEntry& entry, RunResult result, absl::Time now);

  prometheus::Family<prometheus::Histogram>& waits_;
  prometheus::Family<prometheus::Counter>& runs_;
  prometheus::Family<prometheus::Histogram>& seconds_;
  prometheus::Counter& takeovers_;
};

}  // namespace stackyard::stacks
