// Child processes.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/runner/run_control.h"

namespace stackyard::runner {

struct Command {
  // The first is the path of the program; PATH is not searched.
  std::vector<std::string> argv;
  // `NAME=value`; nothing else is inherited.
  std::vector<std::string> environment;
  // Where it runs.
  std::string directory;
};

struct ProcessLimits {
  // When it is interrupted.
  absl::Time deadline = absl::InfiniteFuture();
  // How long after the deadline it is killed.
  absl::Duration grace = absl::Seconds(30);
};

// How a process ended.
struct Outcome {
  // 0 to 255; -1 when a signal ended it.
  int exit_code = -1;
  // The signal that ended it; 0: none.
  int signal = 0;
  // It ran past its deadline.
  bool timed_out = false;

  bool ok() const { return exit_code == 0; }
  // `ended with exit code 1`, `was ended by signal 9`.
  std::string ToString() const;
};

// Takes what a process writes, as it comes.
using Sink = std::function<void(std::string_view bytes)>;

// Runs a program to its end, in a process group of its own, with an empty standard input and no
// descriptors but the standard ones; `out` and `err` are called on the caller's thread. When
// `control` says so, or the deadline passes, the program alone gets one SIGINT; when it says kill,
// the whole group gets SIGKILL. What is left of the group when the program ends is killed, and the
// program is killed when the calling thread ends. INTERNAL when it cannot be started.
absl::StatusOr<Outcome> RunProcess(const Command& command, const RunControl& control,
                                   const ProcessLimits& limits, const Sink& out, const Sink& err);

}  // namespace stackyard::runner
