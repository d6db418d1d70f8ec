// States that runners left on their machines when they died, handed in by their successors there.
#pragma once

#include "absl/status/statusor.h"
#include "common/blob_store.h"
#include "services/stacks/change.h"
#include "services/stacks/run_queue.h"
#include "stackyard/internal/v1/run_queue.pb.h"

namespace stackyard::stacks {

class Salvage {
 public:
  Salvage(Store& store, BlobStore& blobs, RunQueue& queue)
      : store_(store), blobs_(blobs), queue_(queue) {}

  // Who calls knows that the lease's holder is dead: a lease that still holds ends at once, and the
  // run is taken over. An empty state says that there is none; then only that happens.
  //
  // The state becomes the current one when its lineage is the stack's, its serial is higher, and
  // since the run began nobody else has written the state or locked it, and no later generation or
  // run has begun to change anything. Else it is kept as a stray, and an event tells of it. Doing
  // it again changes nothing.
  absl::StatusOr<internal::v1::SalvageStateResponse> Take(
      const internal::v1::SalvageStateRequest& request);

 private:
  Store& store_;
  BlobStore& blobs_;
  RunQueue& queue_;
};

}  // namespace stackyard::stacks
