#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "cli/app.h"
#include "cli/interrupt.h"
#include "common/clock.h"

namespace {

int TerminalWidth() {
  winsize size = {};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

int main(int argc, char** argv) {
  stackyard::cli::CatchInterrupt();
  const stackyard::SystemClock clock;
  const stackyard::cli::Environment environment{
      .out = std::cout,
      .err = std::cerr,
      .out_is_terminal = isatty(STDOUT_FILENO) == 1,
      .err_is_terminal = isatty(STDERR_FILENO) == 1,
      .width = TerminalWidth(),
      .variable = [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        if (value == nullptr) return std::nullopt;
        return value;
      },
      .interrupted = stackyard::cli::WasInterrupted,
      .clock = clock,
  };
  return stackyard::cli::RunApp(std::vector<std::string>(argv + 1, argv + argc), environment);
}
