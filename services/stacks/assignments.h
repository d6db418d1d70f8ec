// What a runner is told of the work that it takes.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "services/stacks/change.h"
#include "services/stacks/queue_store.h"

namespace stackyard::stacks {

// All but the lease, the policy, credentials and the state's bytes.
struct PreparedAssignment {
  internal::v1::Assignment assignment;
  // Of the state that goes with it; empty: none.
  std::string state_digest;
  QueueEntry entry;
  // Traceparent of the request that asked for what the run is a part of.
  std::string request;
};

// Prepares what `entry` stands for, and writes down that its runner, which has this engine, begins.
absl::StatusOr<PreparedAssignment> PrepareAssignment(Change& change, const QueueEntry& entry,
                                                     const std::string& engine);

}  // namespace stackyard::stacks
