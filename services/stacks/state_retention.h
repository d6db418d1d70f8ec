// Which states and blobs are kept, and for how long.
#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/blob_store.h"
#include "services/stacks/change.h"

namespace stackyard::stacks {

struct RetentionOptions {
  // Versions of a stack's state, and strays, that are kept at most; besides those that a plan of a
  // revision was made from, or that were rolled back to.
  int states = 100;
  // How long a blob that no row names is left alone: longer than any transaction that is about to
  // name it, and than a plan file takes from its upload to the end of its run.
  absl::Duration blob_grace = absl::Hours(24);
};

class StateRetention {
 public:
  StateRetention(Store& store, BlobStore& blobs, const RetentionOptions& options)
      : store_(store), blobs_(blobs), options_(options) {}

  // Drops versions and strays beyond those that are kept. Answers how many.
  absl::StatusOr<int> Prune();
  // Deletes old blobs that no row names: of no bundle, state, stray or plan. Answers how many.
  absl::StatusOr<int> Sweep();

 private:
  absl::StatusOr<int> PruneStack(const std::string& uid);

  Store& store_;
  BlobStore& blobs_;
  const RetentionOptions options_;
};

}  // namespace stackyard::stacks
