#include "services/runner/program.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/channel.h"
#include "common/id.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "services/runner/run_confinement.h"
#include "services/runner/run_credentials.h"

namespace stackyard::runner {
namespace {

// Of the time to drain, what is kept for runs that have to be interrupted: enough for Terraform to
// end and for its state to be saved.
constexpr absl::Duration kInterruptTime = absl::Seconds(20);
// How often it is looked whether the last run has ended.
constexpr absl::Duration kLook = absl::Milliseconds(100);

absl::Duration InterruptTime(absl::Duration drain) { return std::min(kInterruptTime, drain / 2); }

std::string RunnerId() {
  char host[256] = "";
  gethostname(host, sizeof(host) - 1);
  return absl::StrCat(host, "-", RandomId());
}

// What operators should know of it.
void LogContainment(const Containment& containment) {
  for (const Containment::Missing& missing : containment.missing()) {
    LogWarning("runs go on without a part of what confines them",
               {{"missing", missing.feature}, {"why", missing.why}});
  }
  if (getuid() != 0) {
    LogInfo(
        "the runner is not root: its runs have its own user, and their sandboxes alone keep "
        "them apart");
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Program>> Program::Prepare(const ProgramOptions& options,
                                                          const std::string& id) {
  std::unique_ptr<Program> program(new Program());
  program->drain_ = options.server.drain;
  ASSIGN_OR_RETURN(program->workspace_, Workspace::Open(options.work_dir, id));
  const Workspace& workspace = *program->workspace_;
  const bool may_have_users = getuid() == 0 && options.slot_uids != 0;
  if (may_have_users) RETURN_IF_ERROR(workspace.LetUsersThrough());
  std::string mirror = options.provider_mirror;
  if (mirror.empty() && !options.provider_direct) {
    // Only the built-in providers: an empty mirror.
    mirror = workspace.own() + "/no-providers";
    RETURN_IF_ERROR(MakeFolder(mirror));
  }
  RETURN_IF_ERROR(
      WriteFile(workspace.cli_config(), CliConfig(mirror, options.provider_direct), 0644));
  ContainmentOptions containment;
  containment.bwrap = options.bwrap;
  containment.paths = SandboxPaths(options, workspace.cli_config());
  if (mirror != options.provider_mirror) containment.paths.push_back({mirror});
  containment.slot_uids = static_cast<uid_t>(options.slot_uids);
  ASSIGN_OR_RETURN(containment.max_file_bytes, ParseSize(options.run_file_size));
  containment.scratch = workspace.own();
  program->containment_ = Containment::Open(containment, id);
  return program;
}

absl::StatusOr<int> Program::Preflight(const ProgramOptions& options) {
  ASSIGN_OR_RETURN(const auto program, Prepare(options, RunnerId()));
  for (const Containment::Missing& missing : program->containment_->missing()) {
    std::cout << missing.feature << "\n";
    std::cerr << "no " << missing.feature << ": " << missing.why << "\n";
  }
  return program->containment_->missing().empty() ? 0 : 3;
}

absl::StatusOr<std::unique_ptr<Program>> Program::Start(const ProgramOptions& options) {
  const std::string id = RunnerId();
  ASSIGN_OR_RETURN(auto health, Health::Open(options.server.health_listen));
  ASSIGN_OR_RETURN(std::unique_ptr<Program> program, Prepare(options, id));
  program->health_ = std::move(health);
  RETURN_IF_ERROR(
      program->containment_->Check({options.allow_without.begin(), options.allow_without.end()}));
  LogContainment(*program->containment_);
  ASSIGN_OR_RETURN(program->identity_, PeerIdentity::Open(options.mtls, "runner", program->clock_));
  ASSIGN_OR_RETURN(program->metrics_, Metrics::Open(options.server.metrics_listen, "runner"));
  ASSIGN_OR_RETURN(program->tracing_, Tracing::Open(options.tracing, "stackyard-runner",
                                                    program->metrics_->registry()));
  if (program->identity_ != nullptr) program->metrics_->Show(program->identity_->metrics());
  program->run_metrics_ = std::make_unique<RunMetrics>(program->metrics_->registry());
  program->plans_ = std::make_unique<PlanStore>(program->workspace_->plans());

  TerraformOptions terraform;
  ASSIGN_OR_RETURN(terraform.engine, ReadEngine(options.terraform));
  terraform.cli_config = program->workspace_->cli_config();
  terraform.memory_limit = options.memory_limit;
  ASSIGN_OR_RETURN(terraform.passed_environment, PassedEnvironment(options.pass_env));
  // What was prepared links into the mirror, and knows where the engine looks for providers. Before
  // runs had users of their own, only the runner could read it.
  const std::string key =
      Sha256Hex(absl::StrCat("shared, reported\n", terraform.engine.Label(), "\n",
                             options.provider_mirror, "\n", options.provider_direct))
          .substr(0, 12);
  program->modules_ = std::make_unique<PreparedModules>(program->workspace_->prepared(), key);
  program->terraform_ = std::make_unique<Terraform>(terraform);
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

  ASSIGN_OR_RETURN(const LimitOptions limits, RunLimitOptions(options));
  program->OpenStandby(options.standby, limits.usual);
  const auto stacks = ConnectPeer(options.stacks_target, "stacks", program->identity_.get());
  program->queue_ = std::make_unique<QueueClient>(stacks, id);
  program->salvager_ = std::make_unique<Salvager>(*program->queue_, *program->workspace_);
  program->parts_ = std::make_unique<RunnerParts>(
      RunnerParts{*program->queue_, *program->terraform_, *program->workspace_, *program->modules_,
                  *program->plans_, *program->run_metrics_, program->clock_, *program->standby_,
                  *program->salvager_, options.inspect, *program->containment_, limits,
                  program->policy_.get(), RunnerIdentity::FromEnvironment()});
  program->OpenProviders(options);
  if (!options.server.listen.empty()) RETURN_IF_ERROR(program->OpenServer(options, stacks));
  program->runner_ = std::make_unique<Runner>(
      *program->parts_,
      RunnerOptions{.slots = options.slots, .heartbeat_interval = options.heartbeat_interval});
  program->health_->SetReady(true);
  return program;
}

absl::Status Program::OpenServer(const ProgramOptions& options,
                                 const std::shared_ptr<grpc::Channel>& stacks) {
  probes_.AddCheck("stacks", HealthCheck(stacks));
  introspection_ = std::make_unique<Introspection>("runner", options.settings, probes_);
  ServerOptions server = options.server;
  server.identity = identity_.get();
  // Of runs there are none by then, and who watches is not waited for.
  server.drain = std::min(server.drain, absl::Seconds(2));
  server.health = health_.get();
  if (metrics_->served()) server.metrics = &metrics_->registry();
  server.peers =
      PeerTable(PeerTable::Entries{{"stackyard.internal.v1.IntrospectionService", {"gateway"}}});
  ASSIGN_OR_RETURN(server_, Server::Start(server, {introspection_.get()}));
  return absl::OkStatus();
}

void Program::OpenStandby(int sites, const Limits& limits) {
  const auto prepare = [this, limits](const ReadySite& site, StandbyPool::Kind kind) {
    TerraformSite place{site.folder->module(), site.folder->path(), site.folder->tmp(), {}};
    place.environment = BareEnvironment(terraform_->passed_environment());
    place.memory_limit = GoMemoryLimit(limits, terraform_->memory_limit());
    Command command = kind.work == StandbyPool::Work::kPlan
                          ? terraform_->Plan(place, PlanKind::kNormal)
                          : terraform_->Apply(place);
    return ConfineToRun(*site.box, *site.folder, modules_->root(), kind.network,
                        std::move(command));
  };
  standby_ = std::make_unique<StandbyPool>(*workspace_, *containment_, prepare,
                                           StandbyPoolOptions{.limits = limits, .sites = sites});
}

void Program::OpenProviders(const ProgramOptions& options) {
  ProviderPoolOptions pool;
  pool.min = options.provider_pool_min;
  pool.max = options.provider_pool_max;
  pool.keep = options.provider_keep;
  pool.containment = containment_.get();
  pool.limits = parts_->limits.usual;
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
  Drain([](absl::Duration pause) { return WaitForSignal(pause); });
  LogInfo("stopped");
}

void Program::Drain(const ToldAgain& told_again) {
  const absl::Time end = absl::Now() + drain_ - InterruptTime(drain_);
  // First, so that whoever sees the rest knows that nothing more is taken.
  runner_->StopTaking();
  health_->Drain();
  run_metrics_->SetDraining();
  LogInfo("draining: runs that go on may end", {{"limit", absl::FormatDuration(drain_)}});
  while (!runner_->Idle() && absl::Now() < end) {
    if (told_again(kLook)) break;
  }
  Stop();
}

void Program::Stop() {
  if (!runner_->Idle()) LogWarning("runs that go on are interrupted");
  runner_->Interrupt(InterruptTime(drain_));
  providers_->Close();
}

}  // namespace stackyard::runner
