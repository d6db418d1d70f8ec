// Runs programs to their end.
#pragma once

#include <functional>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/runner/child_process.h"
#include "services/runner/run_control.h"

namespace stackyard::runner {

struct ProcessLimits {
  // When it is interrupted.
  absl::Time deadline = absl::InfiniteFuture();
  // How long after the deadline it is killed.
  absl::Duration grace = absl::Seconds(30);
};

// Takes what a process writes, as it comes.
using Sink = std::function<void(std::string_view bytes)>;

// Runs a program to its end; `out` and `err` are called on the caller's thread. When `control` says
// so, or the deadline passes, the program alone gets one SIGINT; when it says kill, it and all
// below it get SIGKILL. What is left when the program ends is killed. INTERNAL when it cannot be
// started, or its sandbox cannot be made.
absl::StatusOr<Outcome> RunProcess(const Command& command, const RunControl& control,
                                   const ProcessLimits& limits, const Sink& out, const Sink& err);

}  // namespace stackyard::runner
