// Rows of runs and their typed events.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "services/stacks/rows.h"
#include "services/stacks/stack_store.h"
#include "stackyard/internal/v1/records.pb.h"

namespace stackyard::stacks {

using internal::v1::RunRecord;

// `…/stacks/{stack}/runs/{run}` in its parts.
struct RunName {
  StackName stack;
  int64_t number = 0;

  static absl::StatusOr<RunName> Parse(std::string_view field, std::string_view name);
  std::string ToString() const;
};

// Makes the next run of a stack: name and create_time are set here, and the secrets of a preview
// are sealed.
absl::Status InsertRun(Change& change, const StackName& stack, RunRecord& record);
absl::Status SaveRun(Change& change, const RunRecord& record);
absl::StatusOr<RunRecord> FindRun(soci::session& sql, const RunName& name);

// A run with the stack that it belongs to, which is locked.
struct RunAndStack {
  RunRecord run;
  StackRecord stack;
};

// By the run's name. NOT_FOUND also for a run of an earlier stack of that name.
absl::StatusOr<RunAndStack> LoadRun(Change& change, const std::string& target);

// Newest first; empty project or stack means all.
absl::StatusOr<Rows<RunRecord>> ListRuns(soci::session& sql, const std::string& project,
                                         const std::string& stack, const Page& page,
                                         const std::function<bool(const RunRecord&)>& accept);

// Appends events; their sequences are set here, going on from the last.
absl::Status AppendRunEvents(Change& change, const std::string& run,
                             const google::protobuf::RepeatedPtrField<v1::RunEvent>& events,
                             int skip);
// Oldest first, behind `page.after`.
absl::StatusOr<Rows<v1::RunEvent>> ListRunEvents(soci::session& sql, const std::string& run,
                                                 const Page& page);

}  // namespace stackyard::stacks
