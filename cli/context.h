// What every command works with.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>

#include "absl/status/statusor.h"
#include "cli/client.h"
#include "cli/output.h"
#include "common/clock.h"

namespace stackyard::cli {

// Where the program runs; tests bring their own.
struct Environment {
  std::ostream& out;
  std::ostream& err;
  // Whether people look at `out`, and at `err`.
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  // Columns of the terminal.
  int width = 80;
  std::function<std::optional<std::string>(const std::string&)> variable;
  std::function<bool()> interrupted = [] { return false; };
  const Clock& clock;
};

// Flags of every command, as given; empty where not.
struct GlobalFlags {
  std::string endpoint;
  std::string token;
  std::string token_file;
  std::string project;
  std::string output = "table";
  bool no_color = false;
};

class Context {
 public:
  explicit Context(const Environment& environment) : environment_(environment) {}

  GlobalFlags flags;

  // Settles what flags, environment variables and files say. Called once, after the flags are read.
  absl::Status Resolve();

  // Id or name of the project; empty when none is given.
  const std::string& project() const { return flags.project; }
  Client& client();
  const Output& output() const { return *output_; }
  // What is told besides the answer, for people only: nothing in JSON, YAML and name output.
  void Note(const std::string& line) const;
  const Environment& environment() const { return environment_; }
  absl::Time Now() const { return environment_.clock.TimeNow(); }

  // A call and what is written of its answer.
  template <typename Response, typename Request, typename People>
  absl::Status Show(const std::string& method, Request request, const People& people) {
    Response response;
    absl::Status status = client().Call(method, request, &response);
    if (!status.ok()) return status;
    return output().Write(response, [&] { people(response); });
  }

 private:
  absl::Status ResolveToken();

  const Environment& environment_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<Output> output_;
};

// The text of a file; INVALID_FIELD on `field` when it cannot be read.
absl::StatusOr<std::string> ReadFile(const std::string& field, const std::string& path);
// Writes a file anew, with `mode`. INVALID_FIELD on `field` when it cannot be written.
absl::Status WriteFile(const std::string& field, const std::string& path, const std::string& data,
                       int mode = 0644);

}  // namespace stackyard::cli
