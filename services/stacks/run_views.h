// What users see and do of runs, states, operations and events.
#pragma once

#include "absl/status/statusor.h"
#include "common/blob_store.h"
#include "google/longrunning/operations.pb.h"
#include "services/stacks/change.h"
#include "services/stacks/run_store.h"
#include "stackyard/v1/runs.pb.h"

namespace stackyard::stacks {

class RunViews {
 public:
  explicit RunViews(Store& store) : store_(store) {}

  absl::StatusOr<v1::Run> Get(const v1::GetRunRequest& request);
  absl::StatusOr<v1::ListRunsResponse> List(const Principal& caller,
                                            const v1::ListRunsRequest& request);
  absl::StatusOr<v1::Run> Cancel(const Principal& caller, const v1::CancelRunRequest& request);
  absl::StatusOr<v1::ListRunEventsResponse> ListEvents(const v1::ListRunEventsRequest& request);
  absl::StatusOr<v1::ReadLogResponse> ReadLog(const v1::ReadLogRequest& request);

 private:
  Store& store_;
};

bool HasEnded(const v1::Run& run);

// Cancels a run: asks its runner to interrupt Terraform, or ends it when no runner has it yet.
// WRONG_STATE when it has ended.
absl::StatusOr<RunRecord> CancelRun(Change& change, const RunName& name, const std::string& reason);

}  // namespace stackyard::stacks
