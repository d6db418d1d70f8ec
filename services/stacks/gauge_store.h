// What gauges are read from: few statements, each of which an index answers, so that they cost what
// waits and not what there is.
#pragma once

#include <soci/soci.h>

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "stackyard/v1/change_requests.pb.h"
#include "stackyard/v1/stacks.pb.h"

namespace stackyard::stacks {

// Something that waits: how much of it, and for how long the oldest has.
struct Backlog {
  int64_t count = 0;
  absl::Duration oldest;
};

struct QueueDepth {
  Backlog queued;
  int64_t running = 0;
};
QueueDepth ReadQueueDepth(soci::session& sql, absl::Time now);

// Stacks that hold their names, by state. It counts entries of an index: the one that costs more
// the more stacks there are.
std::map<v1::Stack::State, int64_t> CountStacks(soci::session& sql);

// How many stacks' leases end within so much time from now. Those that are over are left out.
int64_t CountEndingLeases(soci::session& sql, absl::Time now, absl::Duration within);

struct WaitingRequests {
  std::map<v1::ChangeRequest::Type, int64_t> by_type;
  absl::Duration oldest;
};
absl::StatusOr<WaitingRequests> ReadWaitingRequests(soci::session& sql, absl::Time now);

// What is due and not done.
struct Outbox {
  // Steps with quota, and timers.
  Backlog tasks;
  Backlog deliveries;
  // Events that are not announced.
  Backlog notices;
};
Outbox ReadOutbox(soci::session& sql, absl::Time now);

}  // namespace stackyard::stacks
