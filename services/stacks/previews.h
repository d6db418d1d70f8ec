// Previews: what a create or an update would do, and whether quota holds for it.
//
//   Start --(runner)--> OnPreviewed --(task CHECK_FIT)--> EndPreview
//
// A preview is no step in a stack's life. Its run has a place of its own in the queue, so it
// neither waits for a run of the stack nor keeps one waiting, and nothing of it can be applied.
// What is left of it are the run and the answer in the operation.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "google/longrunning/operations.pb.h"
#include "services/stacks/change.h"
#include "services/stacks/run_store.h"
#include "stackyard/internal/v1/run_queue.pb.h"
#include "stackyard/v1/quota.pb.h"
#include "stackyard/v1/stacks.pb.h"

namespace stackyard::stacks {

// Stack id in the names of runs that preview stacks that do not exist; no stack can have it.
inline constexpr char kPreviewStack[] = "_preview";

class Previews {
 public:
  explicit Previews(Store& store) : store_(store) {}

  absl::StatusOr<google::longrunning::Operation> Start(const Principal& caller,
                                                       const v1::PreviewStackRequest& request);

 private:
  Store& store_;
};

// A preview was planned: prices it and leaves a CHECK_FIT task.
absl::Status OnPreviewed(Change& change, RunRecord& run, const internal::v1::PlanSummary& summary);

// What to ask quota about a planned preview, as the stack stands now.
absl::StatusOr<v1::CheckFitRequest> FitQuestion(soci::session& sql, const RunRecord& run);

// Ends a preview: with an error, or with what quota answered. Secrets go from the record.
absl::Status EndPreview(Change& change, RunRecord& run, const absl::Status& why,
                        const v1::CheckFitResponse* fit);

}  // namespace stackyard::stacks
