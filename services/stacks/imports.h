// Imports: a Terraform state made elsewhere becomes the first state of a new stack.
//
// Until something was applied in full the resources of an import are not the stack's own: the
// record says `imported`, and whatever ends the stack forgets them and destroys nothing. They count
// against quota from the plan on.
#pragma once

#include "absl/status/statusor.h"
#include "common/blob_store.h"
#include "google/longrunning/operations.pb.h"
#include "services/stacks/change.h"
#include "services/stacks/meters.h"
#include "services/stacks/stack_store.h"
#include "stackyard/v1/stacks.pb.h"

namespace stackyard::stacks {

class Imports {
 public:
  Imports(Store& store, BlobStore& blobs) : store_(store), blobs_(blobs) {}

  // Stack, state and the plan's run are written in one transaction, after the blob of the state:
  // a crash leaves all of it or an unused blob. STATE_CONFLICT when a live stack has a state of the
  // same lineage; of several imports of one state at once one goes through.
  absl::StatusOr<google::longrunning::Operation> Start(const Principal& caller,
                                                       const v1::ImportStackRequest& request);

 private:
  Store& store_;
  BlobStore& blobs_;
};

// Makes the price of an import's plan cover what is there already, metric by metric: until the
// apply is through the stack holds both.
void CountImported(const StackRecord& record, Price& price);

// An import came to nothing: its record shows no resources any more. Nothing for other stacks.
void ForgetImported(StackRecord& record);

}  // namespace stackyard::stacks
