// Stacks whose non-sensitive outputs are a document.
//
// The name is kept for the stack from the request on, so that nobody else has it when there is
// something to publish. After every apply the document's row names the state that it is to be
// written from, in the transaction that ends the apply; a Publisher writes the content first and
// then the row. So a crash at any line repeats a step, and the document follows the last apply.
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/blob_store.h"
#include "common/status.h"
#include "services/stacks/change.h"
#include "services/stacks/document_store.h"
#include "services/stacks/stack_store.h"

namespace stackyard::stacks {

// Adds a violation when `stack.publish_document` is no name of a document.
void CheckPublished(const v1::Stack& stack, Violations& violations);

// Whether a stack may publish under the name that it asks for: names that begin with its project's
// id and a dot are open to all who may make stacks there, others to its devops and admins (whose
// token is not narrowed). PERMISSION_MISSING; RESOURCE_EXISTS when the name is taken. Nothing to
// check is fine.
absl::Status CheckMayPublish(soci::session& sql, const Principal& caller, const v1::Stack& stack);

// Keeps the name for the stack, and publishes what is applied already; lets go of another name that
// it had. Errors as above; WRONG_STATE for a stack that is gone.
absl::Status KeepName(Change& change, const Principal& caller, const StackRecord& record);

// The stack is gone, or never came to be: what it published goes with it.
void LetGoOfName(Change& change, const StackRecord& record);

// Outputs have changed: the document follows. Nothing for a stack that publishes none.
void PublishLater(Change& change, const StackRecord& record);

class Publisher {
 public:
  // `states` holds the states of stacks, `contents` those of documents.
  Publisher(Store& store, BlobStore& states, BlobStore& contents)
      : store_(store), states_(states), contents_(contents) {}

  // Writes what is due. Answers how many documents were written.
  absl::StatusOr<int> RunDue();

  // Until the signals are closed: writes what is due, and waits for more.
  void Serve();

 private:
  struct Failure {
    int attempts = 0;
    absl::Time next;
  };

  // An error is tried again.
  absl::Status Publish(const std::string& id);
  absl::Status WriteRow(const DocumentRow& seen, const std::string& digest, int64_t size);
  absl::Status GiveUp(const DocumentRow& seen, const std::string& why);

  Store& store_;
  BlobStore& states_;
  BlobStore& contents_;
  // By id; of this process.
  std::map<std::string, Failure> failures_;
};

}  // namespace stackyard::stacks
