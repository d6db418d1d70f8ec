// What users do with stacks.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/blob_store.h"
#include "google/longrunning/operations.pb.h"
#include "services/stacks/catalog_store.h"
#include "services/stacks/change.h"
#include "services/stacks/stack_store.h"
#include "services/stacks/state_file.h"
#include "stackyard/v1/stacks.pb.h"

namespace stackyard::stacks {

// A stack as it is shown: with links to what belongs to it.
v1::Stack Show(const StackRecord& record);

class StackManager {
 public:
  StackManager(Store& store, BlobStore& blobs) : store_(store), blobs_(blobs) {}

  absl::StatusOr<google::longrunning::Operation> Create(const Principal& caller,
                                                        const v1::CreateStackRequest& request);
  absl::StatusOr<v1::Stack> Get(const v1::GetStackRequest& request);
  absl::StatusOr<v1::ListStacksResponse> List(const Principal& caller,
                                              const v1::ListStacksRequest& request);
  absl::StatusOr<google::longrunning::Operation> Update(const Principal& caller,
                                                        const v1::UpdateStackRequest& request);
  absl::StatusOr<google::longrunning::Operation> Delete(const Principal& caller,
                                                        const v1::DeleteStackRequest& request);
  absl::StatusOr<google::longrunning::Operation> Rollback(const Principal& caller,
                                                          const v1::RollbackStackRequest& request);
  absl::StatusOr<google::longrunning::Operation> Retry(const Principal& caller,
                                                       const v1::RetryStackRequest& request);
  absl::StatusOr<v1::Revision> GetRevision(const v1::GetRevisionRequest& request);
  absl::StatusOr<v1::ListRevisionsResponse> ListRevisions(const v1::ListRevisionsRequest& request);
  absl::StatusOr<v1::Resource> GetResource(const v1::GetResourceRequest& request);
  absl::StatusOr<v1::ListResourcesResponse> ListResources(const v1::ListResourcesRequest& request);
  absl::StatusOr<v1::RevealOutputsResponse> RevealOutputs(const Principal& caller,
                                                          const v1::RevealOutputsRequest& request);

 private:
  // Indexes what was written by those who know of no index, so that a listing finds it.
  absl::Status CatchUp();
  // The state of a stack; empty when it has none.
  absl::StatusOr<StateFile> LoadState(const StackRecord& record);

  Store& store_;
  BlobStore& blobs_;
};

}  // namespace stackyard::stacks
