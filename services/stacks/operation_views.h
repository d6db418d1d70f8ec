// What users see and do of operations.
#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "google/longrunning/operations.pb.h"
#include "services/stacks/change.h"
#include "services/stacks/operations.h"
#include "stackyard/v1/operations.pb.h"

namespace stackyard::stacks {

class OperationViews {
 public:
  explicit OperationViews(Store& store) : store_(store) {}

  absl::StatusOr<google::longrunning::Operation> Get(const Principal& caller,
                                                     const std::string& name);
  absl::StatusOr<v1::ListOperationsResponse> List(const Principal& caller,
                                                  const v1::ListOperationsRequest& request);
  // Waits until it is done, the time is up, or `gone` says that the client left.
  absl::StatusOr<google::longrunning::Operation> Wait(const Principal& caller,
                                                      const v1::WaitOperationRequest& request,
                                                      const std::function<bool()>& gone);
  absl::StatusOr<google::longrunning::Operation> Cancel(const Principal& caller,
                                                        const v1::CancelOperationRequest& request);
  // The record behind Get.
  absl::StatusOr<OperationRecord> Find(const Principal& caller, const std::string& name);

 private:
  Store& store_;
};

}  // namespace stackyard::stacks
