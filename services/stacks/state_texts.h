// Texts of states, read ahead of the transaction that needs them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/blob_store.h"
#include "services/stacks/change.h"
#include "services/stacks/stack_store.h"
#include "services/stacks/state_file.h"

namespace stackyard::stacks {

// Blobs may be far away, and a transaction that waits for them holds up everybody who writes. So
// what a transaction is likely to read is read before it begins.
class StateTexts {
 public:
  explicit StateTexts(BlobStore& blobs) : blobs_(&blobs) {}

  // Those that runs begin from, and that their stacks have now. DEPENDENCY_UNAVAILABLE when the
  // blobs are away.
  static absl::StatusOr<StateTexts> OfRuns(Store& store, BlobStore& blobs,
                                           const std::vector<std::string>& runs);

  // Reads a text, none for an empty digest. DEPENDENCY_UNAVAILABLE when the blobs are away; a text
  // that cannot be read for another reason is left out, and told by Get.
  absl::Status Read(const std::string& digest);
  void Add(const std::string& digest, std::string text) { texts_[digest] = std::move(text); }

  // A text that was not read ahead, because something has moved meanwhile, is read now.
  absl::StatusOr<std::string> Get(const std::string& digest) const;
  // The current state of a stack; an empty one when there is none.
  absl::StatusOr<StateFile> Current(const StackRecord& record) const;

 private:
  BlobStore* blobs_;
  // By digest.
  std::map<std::string, std::string> texts_;
};

}  // namespace stackyard::stacks
