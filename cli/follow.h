// Following an operation to its end.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "cli/command.h"
#include "cli/context.h"
#include "google/longrunning/operations.pb.h"
#include "stackyard/v1/operations.pb.h"

namespace stackyard::cli {

using google::longrunning::Operation;
using Stage = v1::OperationMetadata::Stage;

// The flags of every command that starts an operation.
struct WaitFlags {
  bool wait = false;
  std::string timeout = "1h";
  std::string until;

  void AddTo(Command& command);
};

// Metadata of an operation; empty where it has none.
v1::OperationMetadata MetadataOf(const Operation& operation);

// Watches an operation until it is done, or in the stage `until`, and shows its progress on the
// error stream. A broken stream is taken up again where it broke. Errors: DEADLINE_EXCEEDED when
// the time is up, interrupted after Ctrl-C; both leave the operation going and say how to resume.
absl::StatusOr<Operation> Follow(Context& context, const std::string& name, absl::Duration timeout,
                                 std::optional<Stage> until);

// OK when the operation is done and succeeded, or is not done. Its error, as an outcome, when it
// failed; a stack that ended FAILED or REJECTED counts as failed.
absl::Status OutcomeOf(const Operation& operation);

// Ends a command that started an operation: waits when asked to, and writes the operation's
// response with `people`, or the operation itself while it goes on.
absl::Status Finish(Context& context, const Operation& operation, const WaitFlags& flags,
                    google::protobuf::Message* response, const std::function<void()>& people);

// Reads a stage like `awaiting-approval`. INVALID_FIELD.
absl::StatusOr<Stage> ReadStage(const std::string& text);

}  // namespace stackyard::cli
