// The runner's configuration.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/flags.h"
#include "common/mutual_tls.h"
#include "common/server.h"
#include "common/tracing.h"
#include "services/runner/containment.h"
#include "services/runner/run_limits.h"

namespace stackyard::runner {

struct ProgramOptions {
  // --listen serves health and Introspection; empty: nothing is served.
  ServerOptions server{.service = "runner"};
  TracingOptions tracing;
  // For its listener and the connection to stacks; without files they are plain.
  MutualTls mtls;
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
  // -1: twice as many as `slots`.
  int provider_pool_max = -1;
  absl::Duration provider_keep = absl::Minutes(1);
  absl::Duration heartbeat_interval = absl::Seconds(3);
  // How runs are confined, see ContainmentOptions and LimitOptions.
  std::string bwrap = "bwrap";
  std::vector<std::string> allow_without;
  std::vector<std::string> sandbox_paths;
  int slot_uids = 700'000;
  std::string run_memory = "2GiB";
  std::string run_memory_max;
  std::string run_cpus;
  std::string run_cpus_max;
  int run_processes = 1024;
  int run_processes_max = 0;
  std::string run_file_size = "4GiB";
  absl::Duration plan_timeout = absl::Hours(1);
  absl::Duration apply_timeout = absl::Hours(2);
  // Tell what the machine lacks, and end.
  bool preflight = false;
  // All of this, as Introspection tells it.
  std::vector<FlagSetting> settings;

  void AddFlags(Flags& flags);
};

// Fills in what was left open, and checks everything: INVALID_ARGUMENT with every fault on one
// line.
absl::Status Complete(ProgramOptions& options);

// The variables that --pass-env names, as far as they are set. INVALID_ARGUMENT for a name that is
// none, or one that the runner sets itself.
absl::StatusOr<std::map<std::string, std::string>> PassedEnvironment(const std::string& names);

// The limits of runs. INVALID_ARGUMENT with every fault on one line.
absl::StatusOr<LimitOptions> RunLimitOptions(const ProgramOptions& options);

// What all commands of runs see, from options that went through Complete: the programs, the mirror,
// `cli_config` and the --sandbox-paths.
std::vector<Bind> SandboxPaths(const ProgramOptions& options, const std::string& cli_config);

}  // namespace stackyard::runner
