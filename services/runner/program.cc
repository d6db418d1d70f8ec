#include "services/runner/program.h"

#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "common/channel.h"
#include "common/id.h"
#include "common/log.h"
#include "common/status_macros.h"

namespace stackyard::runner {
namespace {

std::string RunnerId() {
  char host[256] = "";
  gethostname(host, sizeof(host) - 1);
  return absl::StrCat(host, "-", RandomId());
}

}  // namespace

absl::StatusOr<std::unique_ptr<Program>> Program::Start(const ProgramOptions& options) {
  std::unique_ptr<Program> program(new Program());
  program->drain_ = options.server.drain;
  const std::string id = RunnerId();
  ASSIGN_OR_RETURN(program->metrics_, Metrics::Open(options.server.metrics_listen));
  program->run_metrics_ = std::make_unique<RunMetrics>(program->metrics_->registry());
  ASSIGN_OR_RETURN(program->workspace_, Workspace::Open(options.work_dir, id));
  program->plans_ = std::make_unique<PlanStore>(program->workspace_->plans());

  TerraformOptions terraform;
  ASSIGN_OR_RETURN(terraform.engine, ReadEngine(options.terraform));
  terraform.cli_config = program->workspace_->own() + "/terraform.rc";
  terraform.memory_limit = options.memory_limit;
  ASSIGN_OR_RETURN(terraform.passed_environment, PassedEnvironment(options.pass_env));
  std::string mirror = options.provider_mirror;
  if (mirror.empty() && !options.provider_direct) {
    // Only the built-in providers: an empty mirror.
    mirror = program->workspace_->own() + "/no-providers";
    RETURN_IF_ERROR(MakeFolder(mirror));
  }
  RETURN_IF_ERROR(WriteFile(terraform.cli_config, CliConfig(mirror, options.provider_direct)));
  // What was prepared links into the mirror, and knows where the engine looks for providers.
  const std::string key =
      Sha256Hex(absl::StrCat(terraform.engine.Label(), "\n", options.provider_mirror, "\n",
                             options.provider_direct, "\nwith a report"))
          .substr(0, 12);
  program->modules_ = std::make_unique<PreparedModules>(program->workspace_->prepared(), key);
  program->terraform_ = std::make_unique<Terraform>(terraform);
  program->standby_ = std::make_unique<StandbyPool>(*program->workspace_, *program->terraform_,
                                                    StandbyPoolOptions{.sites = options.standby});
  if (!options.policy_bundle.empty()) {
    PolicyOptions policy;
    policy.opa = options.opa;
    policy.bundle = options.policy_bundle;
    policy.query = options.policy_query;
    policy.timeout = options.policy_timeout;
    ASSIGN_OR_RETURN(program->policy_, Policy::Open(policy));
  }
  LogInfo("runner begins", {{"runner", id},
                            {"engine", terraform.engine.Label()},
                            {"terraform", terraform.engine.path},
                            {"slots", options.slots}});

  program->queue_ = std::make_unique<QueueClient>(Connect(options.stacks_target), id);
  program->parts_ = std::make_unique<RunnerParts>(
      RunnerParts{*program->queue_, *program->terraform_, *program->workspace_, *program->modules_,
                  *program->plans_, *program->run_metrics_, program->clock_,
                  *program->standby_, options.inspect,
                  program->policy_.get(),
                  RunnerIdentity::FromEnvironment()});
  program->OpenProviders(options);
  if (!options.server.listen.empty()) {
    ASSIGN_OR_RETURN(program->server_, Server::Start(options.server, {}));
  }
  program->runner_ = std::make_unique<Runner>(
      *program->parts_,
      RunnerOptions{.slots = options.slots, .heartbeat_interval = options.heartbeat_interval});
  return program;
}

void Program::OpenProviders(const ProgramOptions& options) {
  ProviderPoolOptions pool;
  pool.min = options.provider_pool_min;
  pool.max = options.provider_pool_max;
  pool.keep = options.provider_keep;
  pool.passed = terraform_->passed_environment();
  // Less is collected than by default, and more than in Terraform, which does not live as long.
  pool.base = {{"PATH", kProgramPath}, {"GOGC", "400"}, {"GOMEMLIMIT", options.memory_limit}};
  provider_metrics_ = std::make_unique<ProviderMetrics>(metrics_->registry());
  provider_schemas_ = std::make_unique<ProviderSchemaCache>(workspace_->schemas());
  providers_ = std::make_unique<ProviderPool>(pool, *workspace_, *provider_schemas_,
                                              *provider_metrics_, clock_);
  parts_->providers = providers_.get();
  parts_->provider_metrics = provider_metrics_.get();
}

void Program::RunUntilSignal() {
  WaitForSignal();
  LogInfo("draining");
  Drain();
  LogInfo("stopped");
}

void Program::Drain() {
  runner_->Drain(drain_);
  providers_->Close();
}

}  // namespace stackyard::runner
