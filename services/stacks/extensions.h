// Longer leases: asked for once per stack, admitted by quota first, then reviewed.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/stacks/change.h"
#include "services/stacks/change_requests.h"
#include "services/stacks/ledger_client.h"
#include "services/stacks/stack_store.h"
#include "stackyard/v1/stacks.pb.h"

namespace stackyard::stacks {

class Extensions {
 public:
  // Both must outlive the object.
  Extensions(Store& store, LedgerClient& ledger) : store_(store), ledger_(ledger) {}

  // Reserves quota for the longer lease and asks reviewers; where the template needs no review the
  // lease is longer at once. A refusal changes nothing. What is reserved is held by the request,
  // and a task gives it back when the request is not written down. Errors: INVALID_FIELD,
  // RESOURCE_NOT_FOUND, WRONG_STATE, QUOTA_EXCEEDED, DEPENDENCY_UNAVAILABLE.
  absl::StatusOr<v1::Stack> Extend(const Principal& caller, const v1::ExtendStackRequest& request);

 private:
  absl::StatusOr<v1::Stack> Ask(const Principal& caller, const v1::ExtendStackRequest& request,
                                const v1::Reservation& reservation);

  Store& store_;
  LedgerClient& ledger_;
};

// Reviewers said yes to the extension that the stack waits for: its lease is longer.
absl::Status OnExtensionApproved(Change& change, StackRecord& record, const ChangeRequest& request);

}  // namespace stackyard::stacks
