// Rows of stacks and their revisions.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "services/stacks/change.h"
#include "services/stacks/rows.h"
#include "stackyard/internal/v1/records.pb.h"

namespace stackyard::stacks {

using internal::v1::RevisionRecord;
using internal::v1::StackRecord;

// `projects/{project}/stacks/{stack}` in its parts.
struct StackName {
  std::string project;
  std::string stack;

  // INVALID_FIELD on `field`.
  static absl::StatusOr<StackName> Parse(std::string_view field, std::string_view name);
  std::string ToString() const;
};

// The stack that holds the name, else the last that did. RESOURCE_NOT_FOUND.
absl::StatusOr<StackRecord> FindStack(soci::session& sql, const StackName& name);

// The same, with the row locked for the rest of the transaction.
absl::StatusOr<StackRecord> LockStack(Change& change, const StackName& name);

// By its uid, whoever holds its name now. RESOURCE_NOT_FOUND.
absl::StatusOr<StackRecord> FindStackByUid(soci::session& sql, const std::string& uid);

// Whether a stack was destroyed or came to nothing, or its name is another's now.
bool IsGone(const absl::StatusOr<StackRecord>& found, const std::string& uid);

// Writes a new stack. RESOURCE_EXISTS when the name is held.
absl::Status InsertStack(Change& change, StackRecord& record);

// Writes a stack, with a new etag and `holds_name` as its state says.
absl::Status SaveStack(Change& change, StackRecord& record);

// Stacks by name; an empty project means all. `live_only` leaves out those that hold no name.
absl::StatusOr<Rows<StackRecord>> ListStacks(soci::session& sql, const std::string& project,
                                             bool live_only, const Page& page,
                                             const std::function<bool(const StackRecord&)>& accept);

// How many stacks have outlived their leases, and for how long the first of them.
struct Overdue {
  int64_t count = 0;
  absl::Duration longest;
};
Overdue FindOverdue(soci::session& sql, absl::Time now);

// How many stacks that hold their names a project has, or use a template. One of the two is empty.
int64_t CountLiveStacks(soci::session& sql, const std::string& project,
                        const std::string& template_id);

// Name of the live stack whose state has a lineage; empty: none.
std::string FindLineage(soci::session& sql, const std::string& lineage);

// Makes the next revision of a stack: number, name and create_time are set here, and its secrets
// are sealed. Revisions that are read hold them sealed; OpenSecrets opens them.
absl::Status InsertRevision(Change& change, const StackName& name, RevisionRecord& record);
absl::Status SaveRevision(Change& change, const StackName& name, const RevisionRecord& record);
absl::StatusOr<RevisionRecord> FindRevision(soci::session& sql, const StackName& name,
                                            int64_t number);
// Newest first.
absl::StatusOr<Rows<RevisionRecord>> ListRevisions(
    soci::session& sql, const StackName& name, const Page& page,
    const std::function<bool(const RevisionRecord&)>& accept);

}  // namespace stackyard::stacks
