// What every command works with.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cli/client.h"
#include "cli/environment.h"
#include "cli/output.h"
#include "cli/settings.h"
#include "cli/token_source.h"

namespace stackyard::cli {

class Context {
 public:
  explicit Context(const Environment& environment) : environment_(environment) {}

  GlobalFlags flags;

  // Settles how answers are written. Called once, after the flags are read.
  absl::Status ResolveOutput();
  // Settles what flags, environment variables and files say of the server. Called after
  // ResolveOutput, by every command that talks to one.
  absl::Status Resolve();
  // The same for a server that is named otherwise: by a login that is being made.
  absl::Status Use(Settings settings);

  const Settings& settings() const { return settings_; }
  // Id or name of the project; empty when none is given.
  const std::string& project() const { return settings_.project.value; }
  Client& client() { return *client_; }
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
  const Environment& environment_;
  Settings settings_;
  std::unique_ptr<TokenSource> token_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<Output> output_;
};

// The text of a file; `-` is what comes through the pipe. INVALID_FIELD on `field` when it cannot
// be read.
absl::StatusOr<std::string> ReadFileOrInput(const Environment& environment,
                                            const std::string& field, const std::string& path);
// The text of a file; INVALID_FIELD on `field` when it cannot be read.
absl::StatusOr<std::string> ReadFile(const std::string& field, const std::string& path);
// Writes a file anew, with `mode`. INVALID_FIELD on `field` when it cannot be written.
absl::Status WriteFile(const std::string& field, const std::string& path, const std::string& data,
                       int mode = 0644);

}  // namespace stackyard::cli
