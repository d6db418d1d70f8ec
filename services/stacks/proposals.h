// What a revision is proposed from: the checks of a request and the records made of it. Shared by
// all that makes or changes stacks.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/status.h"
#include "google/longrunning/operations.pb.h"
#include "services/stacks/change.h"
#include "services/stacks/stack_store.h"
#include "stackyard/v1/catalog.pb.h"
#include "stackyard/v1/stacks.pb.h"

namespace stackyard::stacks {

// Display name, labels, annotations and the name of a document.
void CheckWords(const v1::Stack& stack, Violations& violations);

// The version that a new revision is made from. Adds a violation when it is not for new stacks;
// nothing is answered then.
std::optional<v1::TemplateVersion> FindUsable(soci::session& sql, const std::string& name,
                                              Violations& violations);

void CheckLease(const v1::Lease& lease, const v1::LeasePolicy& policy, absl::Time now,
                Violations& violations);

// All that a new stack is checked for besides its name. Answers its version; nothing, with
// violations, when that cannot be used.
std::optional<v1::TemplateVersion> CheckNewStack(soci::session& sql, const v1::Stack& stack,
                                                 absl::Time now, Violations& violations);

// Whether a stack that was made from revision `from` may go on with `version`: of the same
// template, with a lease that it allows, and no secret of old that it would show. `sent` are the
// parameters that the request gives values to.
void CheckSuccessor(const v1::Lease& lease, const RevisionRecord& from,
                    const v1::TemplateVersion& version, const google::protobuf::Struct& sent,
                    Violations& violations);

// The revision that a set of parameters makes.
RevisionRecord MakeRevision(const v1::TemplateVersion& version,
                            const google::protobuf::Struct& parameters, const std::string& reason,
                            const std::string& creator);

// Whether the module declares `stackyard_stack_uid`.
bool TakesUid(const v1::TemplateVersion& version);

// The stack that a request asks for.
StackRecord MakeStack(const v1::TemplateVersion& version, const v1::CreateStackRequest& request,
                      const std::string& project, const std::string& creator, absl::Time now);

// Which parameters an update sends: all of them, or single ones by `parameters.{name}`. Masked
// values of sensitive parameters stay what they are.
google::protobuf::Struct MergeParameters(const google::protobuf::Struct& current,
                                         const v1::UpdateStackRequest& request);

// Makes the next revision of a stack and queues its plan. `verb` is what the operation is called.
absl::StatusOr<google::longrunning::Operation> Propose(Change& change, StackRecord& record,
                                                       RevisionRecord revision,
                                                       const std::string& verb);

}  // namespace stackyard::stacks
