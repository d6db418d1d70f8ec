// Does the tasks that are due: the steps with quota, and the timers. Each step may be done again
// after a crash at any line: calls to quota are idempotent by name, and what follows from them is
// written together with the end of the task.
#pragma once

#include "absl/status/statusor.h"
#include "services/stacks/change.h"
#include "services/stacks/ledger_client.h"
#include "services/stacks/quota_change_client.h"
#include "services/stacks/task_store.h"

namespace stackyard::stacks {

class Saga {
 public:
  Saga(Store& store, LedgerClient& ledger, QuotaChangeClient& quota_changes)
      : store_(store), ledger_(ledger), quota_changes_(quota_changes) {}

  // Claims what is due and does it. Answers how many tasks there were.
  absl::StatusOr<int> RunDue();

  // Until the signals are closed: runs what is due, and waits for more.
  void Serve();

 private:
  // Does one task. An error that may pass puts it off; any other is logged and put off too, since
  // a task that is forgotten would leak what it is about.
  absl::Status Do(const DueTask& task);
  absl::Status Reserve(const DueTask& task);
  absl::Status Commit(const DueTask& task);
  absl::Status Release(const DueTask& task);
  absl::Status EndLease(const DueTask& task);
  absl::Status ExpireRequest(const DueTask& task);
  absl::Status CheckDrift(const DueTask& task);
  absl::Status CheckFit(const DueTask& task);
  // Ends the task in a transaction with `body`, unless another replica took it over.
  absl::Status Finish(const DueTask& task, const std::function<absl::Status(Change&)>& body);

  Store& store_;
  LedgerClient& ledger_;
  QuotaChangeClient& quota_changes_;
};

}  // namespace stackyard::stacks
