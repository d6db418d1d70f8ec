// Where the program runs; tests bring their own.
#pragma once

#include <functional>
#include <istream>
#include <optional>
#include <ostream>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/http.h"
#include "common/clock.h"

namespace stackyard::cli {

struct Environment {
  std::ostream& out;
  std::ostream& err;
  // Whether people look at `out`, and at `err`.
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  // Columns and lines of the terminal.
  int width = 80;
  int height = 24;
  std::function<std::optional<std::string>(const std::string&)> variable;
  std::function<bool()> interrupted = [] { return false; };
  const Clock& clock;
  // What is typed, or comes through a pipe; nullptr: nothing.
  std::istream* in = nullptr;
  // Whether somebody can answer a question.
  bool in_is_terminal = false;
  // Waits; less long once it is interrupted.
  std::function<void(absl::Duration)> pause = [](absl::Duration) {};
  // One exchange with a web server.
  std::function<absl::StatusOr<HttpAnswer>(const HttpCall&)> http = SendHttp;

  // Value of a variable; empty when it is not set.
  std::string Variable(const std::string& name) const { return variable(name).value_or(""); }
};

}  // namespace stackyard::cli
