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
                             options.provider_direct))
          .substr(0, 12);
  program->modules_ = std::make_unique<PreparedModules>(program->workspace_->prepared(), key);
  program->terraform_ = std::make_unique<Terraform>(terraform);
  LogInfo("runner begins", {{"runner", id},
                            {"engine", terraform.engine.Label()},
                            {"terraform", terraform.engine.path},
                            {"slots", options.slots}});

  program->queue_ = std::make_unique<QueueClient>(Connect(options.stacks_target), id);
  program->salvager_ = std::make_unique<Salvager>(*program->queue_, *program->workspace_);
  program->parts_ = std::make_unique<RunnerParts>(
      RunnerParts{*program->queue_, *program->terraform_, *program->workspace_, *program->modules_,
                  *program->plans_, *program->run_metrics_, program->clock_, *program->salvager_,
                  options.inspect});
  if (!options.server.listen.empty()) {
    ASSIGN_OR_RETURN(program->server_, Server::Start(options.server, {}));
  }
  program->runner_ = std::make_unique<Runner>(
      *program->parts_,
      RunnerOptions{.slots = options.slots, .heartbeat_interval = options.heartbeat_interval});
  return program;
}

void Program::RunUntilSignal() {
  WaitForSignal();
  LogInfo("draining");
  Drain();
  LogInfo("stopped");
}

void Program::Drain() { runner_->Drain(drain_); }

}  // namespace stackyard::runner
