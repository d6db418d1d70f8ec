// The runner's configuration.
#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/flags.h"
#include "common/server.h"

namespace stackyard::runner {

struct ProgramOptions {
  // --listen serves the health service alone; empty: nothing is served.
  ServerOptions server{.service = "runner"};
  std::string stacks_target = "unix:/run/stackyard/stacks.sock";
  std::string data;
  // Empty: `work` below --data.
  std::string work_dir;
  std::string terraform;
  // Empty: beside this program, else on PATH.
  std::string inspect;
  // 0: twice the processors, at least 4.
  int slots = 0;
  std::string provider_mirror;
  bool provider_direct = true;
  std::string pass_env;
  // Empty: plans are not judged.
  std::string policy_bundle;
  std::string policy_query = "data.stackyard";
  absl::Duration policy_timeout = absl::Seconds(30);
  // Empty: beside this program, else on PATH.
  std::string opa;
  std::string memory_limit = "1GiB";
  int standby = 1;
  int provider_pool_min = 1;
  // -1: as many as `slots`.
  int provider_pool_max = -1;
  absl::Duration provider_keep = absl::Minutes(1);
  absl::Duration heartbeat_interval = absl::Seconds(3);

  void AddFlags(Flags& flags);
};

// Fills in what was left open, and checks everything: INVALID_ARGUMENT with every fault on one
// line.
absl::Status Complete(ProgramOptions& options);

// The variables that --pass-env names, as far as they are set. INVALID_ARGUMENT for a name that is
// none, or one that the runner sets itself.
absl::StatusOr<std::map<std::string, std::string>> PassedEnvironment(const std::string& names);

}  // namespace stackyard::runner
