// What is told of an error, and the exit code that says it to scripts.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace stackyard::cli {

// Part of the interface: scripts rely on them, and --help lists them.
enum ExitCode {
  kExitOk = 0,
  // An operation failed, or a fault of the service.
  kExitFailed = 1,
  // Wrong usage or input.
  kExitInvalid = 2,
  kExitNotFound = 3,
  // No permission, or no valid token.
  kExitDenied = 4,
  // Quota does not admit it.
  kExitQuota = 5,
  // The name is taken, or the state does not allow it now.
  kExitConflict = 6,
  // Nobody answers, or not in time.
  kExitUnavailable = 7,
  // A reviewer or the policy rejected it, or it was withdrawn or expired.
  kExitRejected = 8,
  kExitInterrupted = 130,
};

// The codes as a text for --help.
std::string ExitCodesHelp();

// Marks an error as the outcome of an operation: what was asked for was accepted and then failed.
absl::Status AsOutcome(absl::Status status);

// The user pressed Ctrl-C; `message` says what goes on nevertheless.
absl::Status Interrupted(const std::string& message);
bool IsInterrupted(const absl::Status& status);

// Something is different: no error, and nothing is told of it but the exit code 1, as `diff` does.
absl::Status Differs();
bool IsDiffers(const absl::Status& status);
// The same for a command whose exit code 1 means that something is different: other errors that
// would be 1 become 2.
absl::Status AsTrouble(absl::Status status);

int ExitCodeOf(const absl::Status& status);

// One or more lines: the message, every violation in the details that it does not name, and what to
// do where that is known. Ends in a line break.
std::string ErrorText(const absl::Status& status);

}  // namespace stackyard::cli
