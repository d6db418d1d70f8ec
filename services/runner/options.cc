#include "services/runner/options.h"

#include <re2/re2.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "services/runner/engine.h"
#include "services/runner/terraform.h"

namespace stackyard::runner {
namespace fs = std::filesystem;
namespace {

constexpr int kMaxSlots = 1000;
constexpr char kInspect[] = "stackyard-inspect";

// The program that is wanted, or one of that name beside this program, or on PATH.
std::string FindHelper(const std::string& wanted, const char* name) {
  if (!wanted.empty()) return FindProgram(wanted);
  std::error_code error;
  const fs::path own = fs::read_symlink("/proc/self/exe", error);
  const std::string beside = FindProgram((own.parent_path() / name).string());
  return beside.empty() ? FindProgram(name) : beside;
}

void CompletePolicy(ProgramOptions& options, std::vector<std::string>& faults) {
  if (options.policy_timeout < absl::Seconds(1) || options.policy_timeout > absl::Minutes(10)) {
    faults.push_back("--policy-timeout is not from 1s to 10m");
  }
  if (options.policy_bundle.empty()) return;
  if (options.policy_query.empty()) faults.push_back("--policy-query is empty");
  std::error_code error;
  options.policy_bundle = fs::absolute(options.policy_bundle, error).lexically_normal().string();
  if (!fs::exists(options.policy_bundle, error)) {
    faults.push_back(absl::StrCat("--policy-bundle=", options.policy_bundle, " is not there"));
  }
  const std::string opa = FindHelper(options.opa, "opa");
  if (opa.empty()) {
    faults.push_back(options.opa.empty()
                         ? "--policy-bundle needs opa, which is neither beside this program nor on "
                           "PATH: set --opa"
                         : absl::StrCat("--opa=", options.opa, " is no program that can be run"));
  }
  options.opa = opa;
}

std::vector<Bind> ExtraPaths(const ProgramOptions& options) {
  std::vector<Bind> paths;
  for (const std::string& text : options.sandbox_paths) {
    absl::string_view path = text;
    const bool writable = absl::ConsumeSuffix(&path, ":rw");
    paths.push_back({std::string(path), writable});
  }
  return paths;
}

void AddContainmentFlags(Flags& flags, ProgramOptions& options) {
  flags.Add("bwrap", &options.bwrap, "The bubblewrap program, which confines runs");
  flags.Add("allow-without", &options.allow_without,
            absl::StrCat("What runs may go without where this machine lacks it: ",
                         absl::StrJoin(ContainmentFeatures(), ", "),
                         "; without this flag the runner refuses to start there"));
  flags.Add("sandbox-paths", &options.sandbox_paths,
            "Absolute paths that runs see besides the system's; `PATH:rw` may be written");
  flags.Add(
      "slot-uids", &options.slot_uids,
      "Where the runner is root: the first of 2000 users that runs and providers get, each one "
      "of its own; 0: none");
  flags.Add("run-memory", &options.run_memory,
            "Memory of a run whose template does not say, as `2GiB`; empty: no bound");
  flags.Add("run-memory-max", &options.run_memory_max,
            "Most memory that a template gets; empty: what it asks for");
  flags.Add("run-cpus", &options.run_cpus,
            "Processors of a run whose template does not say, as `1.5`; empty: no bound");
  flags.Add("run-cpus-max", &options.run_cpus_max,
            "Most processors that a template gets; empty: what it asks for");
  flags.Add("run-processes", &options.run_processes,
            "Processes and threads of a run whose template does not say; 0: no bound");
  flags.Add("run-processes-max", &options.run_processes_max,
            "Most processes that a template gets; 0: what it asks for");
  flags.Add("run-file-size", &options.run_file_size,
            "Largest file that a run may write; empty: any");
  flags.Add("plan-timeout", &options.plan_timeout,
            "Longest plan of a template that does not say; the whole run has a limit of its own");
  flags.Add("apply-timeout", &options.apply_timeout,
            "Longest apply or destroy of a template that does not say");
  flags.Add("preflight", &options.preflight,
            "Print what this machine lacks to confine runs, one name a line, say why, and end");
}

// Faults of the flags above.
void CheckContainment(const ProgramOptions& options, std::vector<std::string>& faults) {
  const auto& known = ContainmentFeatures();
  for (const std::string& name : options.allow_without) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      faults.push_back(
          absl::StrCat("--allow-without: ", name, " is none of ", absl::StrJoin(known, ", ")));
    }
  }
  std::error_code error;
  for (const Bind& bind : ExtraPaths(options)) {
    if (bind.path.empty() || bind.path.front() != '/' || !fs::exists(bind.path, error)) {
      faults.push_back(
          absl::StrCat("--sandbox-paths: ", bind.path, " is not there, or no absolute path"));
    }
  }
  // Below are the system's users, and above what does not fit.
  if (options.slot_uids != 0 && (options.slot_uids < 1000 || options.slot_uids > 2'000'000'000)) {
    faults.push_back(absl::StrCat("--slot-uids=", options.slot_uids,
                                  " is neither 0 nor from 1000 to 2000000000"));
  }
  if (options.plan_timeout <= absl::ZeroDuration() ||
      options.apply_timeout <= absl::ZeroDuration()) {
    faults.push_back("--plan-timeout and --apply-timeout must be more than nothing");
  }
  const auto limits = RunLimitOptions(options);
  if (!limits.ok()) faults.emplace_back(limits.status().message());
}

}  // namespace

void ProgramOptions::AddFlags(Flags& flags) {
  server.AddFlags(flags);
  tracing.AddFlags(flags);
  mtls.AddFlags(flags);
  flags.Add("stacks-target", &stacks_target, "Address of the stacks service");
  flags.Add("data", &data, "Folder of the runner's data");
  flags.Add("work-dir", &work_dir, "Folder of the runs; empty: `work` below --data");
  flags.Add("terraform", &terraform,
            "The terraform or tofu program; empty: terraform, else tofu, from PATH");
  flags.Add("inspect", &inspect,
            "The stackyard-inspect program; empty: beside this program, else from PATH");
  flags.Add("slots", &slots, "Runs at the same time; 0: twice the processors, at least 4");
  flags.Add("provider-mirror", &provider_mirror,
            "Folder with provider plugins, laid out like Terraform's filesystem mirrors");
  flags.Add("provider-direct", &provider_direct,
            "Fetch providers that the mirror lacks from their registries");
  flags.Add("pass-env", &pass_env,
            "Names of environment variables that every run gets, separated by commas");
  flags.Add("policy-bundle", &policy_bundle,
            "OPA bundle that judges every plan, a folder or a .tar.gz; empty: none");
  flags.Add("policy-query", &policy_query,
            "What is evaluated; its value is an object with `deny` and `warn`");
  flags.Add("policy-timeout", &policy_timeout, "Longest that judging one plan may take");
  flags.Add("opa", &opa, "The opa program; empty: beside this program, else from PATH");
  flags.Add("memory-limit", &memory_limit, "Soft limit of Terraform's heap, as `1GiB`");
  flags.Add("standby", &standby,
            "Terraforms that are started ahead of time, so many for each of planning and applying, "
            "with and without network, as they are asked for; each takes about 30 MiB");
  flags.Add("provider-pool-min", &provider_pool_min,
            "Processes of each provider in use that are started ahead, 200 MB each or more");
  flags.Add("provider-pool-max", &provider_pool_max,
            "Processes of providers at most, in use or waiting; -1: twice --slots; 0: "
            "Terraform starts all providers itself");
  flags.Add("provider-keep", &provider_keep,
            "How long a provider's process waits for another run of the same project, template "
            "version and credentials; 0: it is ended after each run");
  flags.Add("heartbeat-interval", &heartbeat_interval, "Time between heartbeats");
  AddContainmentFlags(flags, *this);
}

absl::StatusOr<std::map<std::string, std::string>> PassedEnvironment(const std::string& names) {
  static const std::set<std::string> kOwn = {
      "PATH", "HOME", "TMPDIR", "TF_INPUT", "GOGC", "GOMEMLIMIT", "TF_IN_AUTOMATION",
      "CHECKPOINT_DISABLE", "TF_CLI_CONFIG_FILE", "TF_DATA_DIR", "TF_WORKSPACE",
      // The runner's own identity, which only credentials of
      // projects give to runs.
      "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
      "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
      "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"};
  static const RE2 kName("[A-Za-z_][A-Za-z0-9_]*");
  std::map<std::string, std::string> result;
  for (const auto part : absl::StrSplit(names, ',', absl::SkipWhitespace())) {
    const std::string name(absl::StripAsciiWhitespace(part));
    if (!RE2::FullMatch(name, kName) || kOwn.count(name) > 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("--pass-env: ", name, " is no variable that can be passed on"));
    }
    if (const char* value = getenv(name.c_str()); value != nullptr) result[name] = value;
  }
  return result;
}

absl::Status Complete(ProgramOptions& options) {
  std::vector<std::string> faults;
  if (options.stacks_target.empty()) faults.push_back("--stacks-target is empty");
  if (options.work_dir.empty() && !options.data.empty()) options.work_dir = options.data + "/work";
  if (options.work_dir.empty()) faults.push_back("neither --work-dir nor --data is set");
  if (options.slots == 0) {
    options.slots = std::max(4, 2 * static_cast<int>(std::thread::hardware_concurrency()));
  }
  if (options.slots < 1 || options.slots > kMaxSlots) {
    faults.push_back(absl::StrCat("--slots=", options.slots, " is not from 0 to ", kMaxSlots));
  }
  if (options.provider_pool_max == -1) options.provider_pool_max = 2 * std::max(options.slots, 0);
  if (options.provider_pool_max < 0 || options.provider_pool_max > 2 * kMaxSlots) {
    faults.push_back(absl::StrCat("--provider-pool-max=", options.provider_pool_max,
                                  " is not from -1 to ", 2 * kMaxSlots));
  }
  if (options.provider_pool_min < 0 || options.provider_pool_min > kMaxSlots) {
    faults.push_back(absl::StrCat("--provider-pool-min=", options.provider_pool_min,
                                  " is not from 0 to ", kMaxSlots));
  }
  if (options.provider_keep < absl::ZeroDuration() || options.provider_keep > absl::Hours(24)) {
    faults.push_back("--provider-keep is not from 0 to 24h");
  }
  if (options.heartbeat_interval < absl::Milliseconds(100) ||
      options.heartbeat_interval > absl::Minutes(1)) {
    faults.push_back("--heartbeat-interval is not from 100ms to 1m");
  }
  if (options.standby < 0 || options.standby > kMaxSlots) {
    faults.push_back(absl::StrCat("--standby=", options.standby, " is not from 0 to ", kMaxSlots));
  }
  if (options.server.drain < absl::ZeroDuration()) faults.push_back("--drain is negative");
  static const RE2 kSize("[0-9]+([KMGT]i)?B");
  if (!RE2::FullMatch(options.memory_limit, kSize)) {
    faults.push_back(
        absl::StrCat("--memory-limit=", options.memory_limit, " is no size like 1GiB or 512MiB"));
  }
  const auto engine = FindEngine(options.terraform);
  if (engine.ok()) {
    options.terraform = *engine;
  } else {
    faults.emplace_back(engine.status().message());
  }
  const std::string inspect = FindHelper(options.inspect, kInspect);
  if (inspect.empty()) {
    faults.push_back(
        options.inspect.empty()
            ? "stackyard-inspect is neither beside this program nor on PATH"
            : absl::StrCat("--inspect=", options.inspect, " is no program that can be run"));
  }
  options.inspect = inspect;
  if (!options.provider_mirror.empty()) {
    std::error_code error;
    options.provider_mirror =
        fs::absolute(options.provider_mirror, error).lexically_normal().string();
    if (MirroredProviders(options.provider_mirror).empty()) {
      faults.push_back(absl::StrCat("--provider-mirror=", options.provider_mirror,
                                    " holds no HOST/NAMESPACE/TYPE folders"));
    }
  }
  CompletePolicy(options, faults);
  CheckContainment(options, faults);
  const auto passed = PassedEnvironment(options.pass_env);
  if (!passed.ok()) faults.emplace_back(passed.status().message());
  if (faults.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(faults, "; "));
}

absl::StatusOr<LimitOptions> RunLimitOptions(const ProgramOptions& options) {
  std::vector<std::string> faults;
  // Below, not even Terraform starts.
  constexpr int64_t kLeastMemory = 64 << 20;
  constexpr int kLeastProcesses = 32;
  const auto size = [&faults](const char* flag, const std::string& text, int64_t least) {
    const auto value = ParseSize(text);
    if (!value.ok()) faults.push_back(absl::StrCat(flag, ": ", value.status().message()));
    if (value.ok() && *value != 0 && *value < least) {
      faults.push_back(absl::StrCat(flag, "=", text, " is less than ", least >> 20, "MiB"));
    }
    return value.value_or(0);
  };
  const auto cpus = [&faults](const char* flag, const std::string& text) {
    const auto value = ParseCpus(text);
    if (!value.ok()) faults.push_back(absl::StrCat(flag, ": ", value.status().message()));
    return value.value_or(0);
  };
  const auto processes = [&faults](const char* flag, int value) {
    if (value != 0 && value < kLeastProcesses) {
      faults.push_back(absl::StrCat(flag, "=", value, " is less than ", kLeastProcesses));
    }
    return value;
  };
  LimitOptions limits;
  limits.usual = {size("--run-memory", options.run_memory, kLeastMemory),
                  cpus("--run-cpus", options.run_cpus),
                  processes("--run-processes", options.run_processes)};
  limits.most = {size("--run-memory-max", options.run_memory_max, kLeastMemory),
                 cpus("--run-cpus-max", options.run_cpus_max),
                 processes("--run-processes-max", options.run_processes_max)};
  size("--run-file-size", options.run_file_size, 1 << 20);
  limits.plan_timeout = options.plan_timeout;
  limits.apply_timeout = options.apply_timeout;
  if (faults.empty()) return limits;
  return absl::InvalidArgumentError(absl::StrJoin(faults, "; "));
}

std::vector<Bind> SandboxPaths(const ProgramOptions& options, const std::string& cli_config) {
  std::vector<Bind> paths;
  // What lies below /usr is seen anyway.
  for (const std::string& path : {options.terraform, options.inspect, options.provider_mirror}) {
    if (!path.empty() && path.rfind("/usr/", 0) != 0) paths.push_back({path});
  }
  paths.push_back({cli_config});
  const std::vector<Bind> extra = ExtraPaths(options);
  paths.insert(paths.end(), extra.begin(), extra.end());
  return paths;
}

}  // namespace stackyard::runner
