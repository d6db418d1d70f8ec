#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "cli/app.h"
#include "cli/interrupt.h"
#include "common/clock.h"

namespace {

// Of the terminal; 80 by 24 where it is none.
winsize TerminalSize() {
  winsize size = {};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) size = {24, 80, 0, 0};
  return size;
}

// In parts, so that Ctrl-C is heard.
void Pause(absl::Duration duration) {
  const absl::Time until = absl::Now() + duration;
  while (absl::Now() < until && !stackyard::cli::WasInterrupted()) {
    absl::SleepFor(std::min<absl::Duration>(until - absl::Now(), absl::Milliseconds(100)));
  }
}

}  // namespace

int main(int argc, char** argv) {
  stackyard::cli::CatchInterrupt();
  // What gRPC has to say is in the errors that it answers.
  setenv("GRPC_VERBOSITY", "NONE", /*replace=*/0);
  const winsize size = TerminalSize();
  const stackyard::SystemClock clock;
  const stackyard::cli::Environment environment{
      .out = std::cout,
      .err = std::cerr,
      .out_is_terminal = isatty(STDOUT_FILENO) == 1,
      .err_is_terminal = isatty(STDERR_FILENO) == 1,
      .width = size.ws_col,
      .height = size.ws_row > 0 ? size.ws_row : 24,
      .variable = [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        if (value == nullptr) return std::nullopt;
        return value;
      },
      .interrupted = stackyard::cli::WasInterrupted,
      .clock = clock,
      .in = &std::cin,
      .in_is_terminal = isatty(STDIN_FILENO) == 1,
      .pause = Pause,
  };
  return stackyard::cli::RunApp(std::vector<std::string>(argv + 1, argv + argc), environment);
}
