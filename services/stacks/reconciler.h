// Compares what quota holds with what stacks have, now and then, for what no transaction can see:
// a database that was restored from a backup, a fault of ours, somebody's hand.
//
// - A reservation that no live stack and no waiting task accounts for is given back, once nothing
//   has happened to it for the grace period.
// - A stack with resources whose reservation is not held, or not as the stack has it, is told
// loudly
//   (event, metric, log) and reserved or committed anew, where quota admits it.
//
// Exact about races: quota is asked between two looks at the database. What was reserved has a task
// before the call and the task or its stack after it, so the second look sees one of them; what a
// stack names in both looks it named all the while.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/stacks/change.h"
#include "services/stacks/ledger_client.h"
#include "services/stacks/task_store.h"

namespace stackyard::stacks {

struct ReconcilerOptions {
  // Between two comparisons.
  absl::Duration interval = absl::Minutes(5);
  // How long a reservation that nobody accounts for is left alone.
  absl::Duration grace = absl::Minutes(10);
};

class ReconcilerMetrics {
 public:
  // The registry must outlive the object.
  explicit ReconcilerMetrics(prometheus::Registry& registry);

  prometheus::Counter& orphaned;
  prometheus::Counter& missing;
  prometheus::Counter& differing;
  // When a comparison last came to its end, seconds since 1970.
  prometheus::Gauge& last_success;
};

// What one comparison found and saw to.
struct Findings {
  int orphaned = 0;
  int missing = 0;
  int differing = 0;
};

class Reconciler {
 public:
  Reconciler(Store& store, LedgerClient& ledger, const ReconcilerOptions& options,
             ReconcilerMetrics& metrics)
      : store_(store), ledger_(ledger), options_(options), metrics_(metrics) {}

  // Compares once. Any number of replicas may do so at the same time.
  absl::StatusOr<Findings> Compare();

 private:
  Store& store_;
  LedgerClient& ledger_;
  const ReconcilerOptions options_;
  ReconcilerMetrics& metrics_;
};

// The task RESTORE: commits the reservation that a stack names, or makes it a new one. What quota
// refuses is asked for again later. Ends when the stack needs it no more.
absl::Status Restore(Store& store, LedgerClient& ledger, const DueTask& task);

}  // namespace stackyard::stacks
