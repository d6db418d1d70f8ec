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

std::string FindInspect(const std::string& wanted) {
  if (!wanted.empty()) return FindProgram(wanted);
  std::error_code error;
  const fs::path own = fs::read_symlink("/proc/self/exe", error);
  const std::string beside = FindProgram((own.parent_path() / kInspect).string());
  return beside.empty() ? FindProgram(kInspect) : beside;
}

}  // namespace

void ProgramOptions::AddFlags(Flags& flags) {
  server.AddFlags(flags);
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
  flags.Add("memory-limit", &memory_limit, "Soft limit of Terraform's heap, as `1GiB`");
  flags.Add("heartbeat-interval", &heartbeat_interval, "Time between heartbeats");
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
  if (options.heartbeat_interval < absl::Milliseconds(100) ||
      options.heartbeat_interval > absl::Minutes(1)) {
    faults.push_back("--heartbeat-interval is not from 100ms to 1m");
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
  const std::string inspect = FindInspect(options.inspect);
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
  const auto passed = PassedEnvironment(options.pass_env);
  if (!passed.ok()) faults.emplace_back(passed.status().message());
  if (faults.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(faults, "; "));
}

}  // namespace stackyard::runner
