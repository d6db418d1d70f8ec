// What a run's folder tells to who finds it after its runner died.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "stackyard/internal/v1/run_queue.pb.h"

namespace stackyard::runner {

struct RunNote {
  internal::v1::Lease lease;
  // Lineage and serial of the state that the run began with; empty and 0: none.
  std::string lineage;
  int64_t serial = 0;
  // The run changes its state.
  bool changes_state = false;
};

// Beside the folder of a run, out of reach of what runs in it.
absl::Status WriteNote(const std::string& run_folder, const internal::v1::Assignment& assignment);
// NOT_FOUND when there is none, DATA_LOSS when it cannot be read.
absl::StatusOr<RunNote> ReadNote(const std::string& run_folder);
bool HasNote(const std::string& run_folder);
void RemoveNote(const std::string& run_folder);

}  // namespace stackyard::runner
