// The run queue's rows. A row is there from when work is asked for until it is completed; the
// UNIQUE column `busy` holds the stack's uid, so that a stack never has two.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/stacks/change.h"
#include "stackyard/internal/v1/run_queue.pb.h"

namespace stackyard::stacks {

using internal::v1::Assignment;
using internal::v1::Lease;

struct QueueEntry {
  int64_t id = 0;
  // Run or template version.
  std::string target;
  Assignment::Work work = Assignment::WORK_UNSPECIFIED;
  bool leased = false;
  int64_t generation = 0;
  std::string runner;
  absl::Time lease_until;
  // 0: no, 1: interrupt, 2: kill.
  int cancel = 0;
  // What this generation has reported.
  int64_t events_seen = 0;
  int64_t log_seen = 0;
  // When it was queued, or given back by a runner.
  absl::Time enqueue_time;
  // When the current runner took it. The epoch: by a program that did not write it down.
  absl::Time acquire_time;
  // W3C traceparent of what called for the work; empty: none.
  std::string traceparent;
};

// Among the names that a change touched: how much work there is has changed.
inline constexpr char kQueueTopic[] = "queue";

// Adds work, in the trace of the thread. WRONG_STATE when `busy` (a stack's uid, or a template
// version) has work already.
absl::Status Enqueue(Change& change, const std::string& target, const std::string& busy,
                     Assignment::Work work);

// Leases up to `count` entries to a runner until `until`, oldest first. Those of stacks whose state
// a person has locked wait.
std::vector<QueueEntry> LeaseEntries(Change& change, const std::string& runner, int count,
                                     absl::Time until);

// Targets of what LeaseEntries would lease now.
std::vector<std::string> WaitingTargets(soci::session& sql, int count);

// How many entries a runner works on, or could: those that wait for a person's lock are left out.
int64_t CountWork(soci::session& sql);

// The entry of a target, locked; nothing when its work is done.
std::optional<QueueEntry> FindEntry(Change& change, const std::string& target);

// The entry of a lease, locked. GENERATION_STALE when it is not the current one.
absl::StatusOr<QueueEntry> CheckLease(Change& change, const Lease& lease);

void SaveEntry(Change& change, const QueueEntry& entry);

// Puts an entry that was leased back into the queue.
void GiveBack(Change& change, QueueEntry entry);

// Takes an entry away, and remembers its generation so that a repeated completion is known.
void FinishEntry(Change& change, const QueueEntry& entry);

// Whether this very lease completed its work.
bool WasFinished(Change& change, const Lease& lease);

// What those of ExpiredEntries are about, at most 100.
std::vector<std::string> ExpiredTargets(soci::session& sql, absl::Time now);
// Entries whose lease has run out, locked.
std::vector<QueueEntry> ExpiredEntries(Change& change);

}  // namespace stackyard::stacks
