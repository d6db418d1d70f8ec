// A Terraform that was started ahead of time.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "services/runner/child_process.h"
#include "services/runner/file.h"

namespace stackyard::runner {

// Most of what a short Terraform command takes is its own start: initialising its packages, before
// it has looked at anything. A standby is a process that has that behind it. It waits at the first
// file that it reads, its CLI configuration, which is a named pipe here; until the pipe is written
// to it has not looked at its folder, and what is put there meanwhile is what it works on.
// Arguments, environment and confinement are as they were at its start.
class Standby {
 public:
  // Starts a command whose environment names a CLI configuration (TF_CLI_CONFIG_FILE), with that
  // file replaced by a pipe at `pipe`, which must not exist yet. From a thread that lives as long
  // as the process is to. INTERNAL, and INVALID_ARGUMENT for a command without a configuration.
  static absl::StatusOr<std::unique_ptr<Standby>> Start(const Command& command,
                                                        const std::string& pipe);
  ~Standby();

  // Whether it is the command that was started.
  bool Is(const Command& command) const;
  // Gives it its configuration, and hands the process over. Once. UNAVAILABLE when it does not take
  // it: then it has done nothing, and is killed.
  absl::StatusOr<ChildProcess> Release();

 private:
  Standby(Command command, std::string pipe, std::string config, ChildProcess child);

  const Command command_;
  const std::string pipe_;
  const std::string config_;
  ChildProcess child_;
};

}  // namespace stackyard::runner
