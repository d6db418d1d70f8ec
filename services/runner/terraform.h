// Command lines and environment of Terraform.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/runner/engine.h"
#include "services/runner/process.h"

namespace stackyard::runner {

// Names of files in the folder where Terraform runs.
inline constexpr std::string_view kStateFile = "terraform.tfstate";
inline constexpr std::string_view kPlanFile = "stackyard.tfplan";
inline constexpr std::string_view kParametersFile = "stackyard.auto.tfvars.json";
inline constexpr std::string_view kLockFile = ".terraform.lock.hcl";
inline constexpr std::string_view kDataFolder = ".terraform";

// PATH. Provisioners and providers look for their programs here; the runner's own is nothing that
// modules should come to depend on.
inline constexpr char kProgramPath[] =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
// Larger plan files are refused.
inline constexpr size_t kMaxPlan = 256 << 20;

struct TerraformOptions {
  Engine engine;
  // Path of the CLI configuration, see CliConfig.
  std::string cli_config;
  // Soft limit of the Go heap of each process, for example `1GiB`.
  std::string memory_limit = "1GiB";
  // Variables copied from the runner's own environment; what a run gets of them is said by its
  // site.
  std::map<std::string, std::string> passed_environment;
};

enum class PlanKind { kNormal, kDestroy };

// Where one run runs Terraform.
struct TerraformSite {
  // Module, state and plan; the current folder.
  std::string folder;
  // HOME.
  std::string home;
  // TMPDIR.
  std::string tmp;
  // Soft limit of the Go heap of each process; empty: as the options say.
  std::string memory_limit;
  // Terraform starts providers itself, which inherit how it deals with its heap, and are many.
  bool starts_providers = false;
  // Variables of this run; they do not replace those that the runner sets itself.
  std::map<std::string, std::string> environment;
};

// Immutable; thread-safe. Secrets are never on a command line.
class Terraform {
 public:
  explicit Terraform(TerraformOptions options) : options_(std::move(options)) {}

  const Engine& engine() const { return options_.engine; }
  const std::string& memory_limit() const { return options_.memory_limit; }
  const std::map<std::string, std::string>& passed_environment() const {
    return options_.passed_environment;
  }

  Command Init(const TerraformSite& site) const;
  Command Validate(const TerraformSite& site) const;
  Command Plan(const TerraformSite& site, PlanKind kind) const;
  // Prints a plan file as JSON; `plan` is its path, of a file that only the runner writes, or
  // relative to the site's folder.
  Command Show(const TerraformSite& site, const std::string& plan) const;
  // Applies the plan file.
  Command Apply(const TerraformSite& site) const;

 private:
  Command Make(const TerraformSite& site, std::vector<std::string> arguments) const;

  const TerraformOptions options_;
};

// The CLI configuration: providers come from the mirror as far as it holds them, the rest from
// their registries when `direct`. `mirror` is a folder like Terraform's filesystem mirrors; it may
// be empty, and with `direct` it may be missing.
std::string CliConfig(const std::string& mirror, bool direct);

// Sources of the providers in a mirror, `registry.terraform.io/hashicorp/aws`, sorted.
std::vector<std::string> MirroredProviders(const std::string& mirror);

}  // namespace stackyard::runner
