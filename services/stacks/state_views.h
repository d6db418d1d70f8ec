// What users see of Terraform states.
#pragma once

#include "absl/status/statusor.h"
#include "common/blob_store.h"
#include "services/stacks/change.h"
#include "stackyard/v1/state_versions.pb.h"

namespace stackyard::stacks {

class StateViews {
 public:
  StateViews(Store& store, BlobStore& blobs) : store_(store), blobs_(blobs) {}

  absl::StatusOr<v1::StateVersion> Get(const v1::GetStateVersionRequest& request);
  absl::StatusOr<v1::ListStateVersionsResponse> List(const v1::ListStateVersionsRequest& request);
  // Recorded in the event log.
  absl::StatusOr<v1::DownloadStateResponse> Download(const Principal& caller,
                                                     const v1::DownloadStateRequest& request);

 private:
  Store& store_;
  BlobStore& blobs_;
};

}  // namespace stackyard::stacks
