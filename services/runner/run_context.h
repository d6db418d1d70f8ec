// What the steps of a run work with.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/work.h"
#include "services/runner/containment.h"
#include "services/runner/json_events.h"
#include "services/runner/plan_store.h"
#include "services/runner/policy.h"
#include "services/runner/prepared_modules.h"
#include "services/runner/queue_client.h"
#include "services/runner/reporter.h"
#include "services/runner/resource_schemas.h"
#include "services/runner/run_credentials.h"
#include "services/runner/run_limits.h"
#include "services/runner/run_metrics.h"
#include "services/runner/salvager.h"
#include "services/runner/scrubber.h"
#include "services/runner/standby_pool.h"
#include "services/runner/state_watcher.h"
#include "services/runner/terraform.h"
#include "services/runner/token_copies.h"
#include "services/runner/workspace.h"

namespace stackyard::runner {

class ProviderMetrics;
class ProviderPool;
class RunProviders;

// What all runs of a runner share.
struct RunnerParts {
  QueueClient& queue;
  const Terraform& terraform;
  Workspace& workspace;
  PreparedModules& modules;
  PlanStore& plans;
  RunMetrics& metrics;
  const Clock& clock;
  StandbyPool& standby;
  Salvager& salvager;
  // Path of stackyard-inspect.
  std::string inspect;
  Containment& containment;
  LimitOptions limits;
  // nullptr: every plan is as good as the other.
  const Policy* policy = nullptr;
  RunnerIdentity identity = {};
  // Null: providers go the plain way.
  ProviderPool* providers = nullptr;
  ProviderMetrics* provider_metrics = nullptr;
};

// One run, as it goes on.
struct RunContext {
  const RunnerParts& parts;
  const internal::v1::Assignment& assignment;
  // Learns between steps alone.
  Scrubber& scrubber;
  RunControl& control;
  Reporter& reporter;
  RunFolder& folder;
  // A Terraform that waits in the run's folder; null: none, or none any more.
  std::unique_ptr<Standby> standby;
  // Confines all commands of the run.
  Box& box;
  const RunAllowance& allowance;
  // When the run must have ended.
  ProcessLimits limits;
  // Name of the step that goes on, and when that must have ended.
  std::string step;
  absl::Time step_deadline;
  // The shared folder that the run's module was copied from, and still links to.
  std::string prepared;
  // Lives from the step that changes the state to the step that saves it.
  std::unique_ptr<StateWatcher> watcher;
  // The plan file on its way to the blob store, from when it is there; and its digest there.
  struct Upload {
    std::string plan;
    absl::StatusOr<std::string> digest = absl::UnknownError("not sent");
    std::unique_ptr<Task> task;
  };
  std::unique_ptr<Upload> upload;
  // What CompleteRun will say.
  internal::v1::CompleteRunRequest& result;
  // For Terraform; absent until the module is prepared. See TakeCredentials.
  std::optional<RunCredentials> credentials = std::nullopt;
  std::unique_ptr<TokenCopies> tokens = nullptr;
  // Schemas of the types that the run has to do with, as far as they are known without Terraform.
  ResourceSchemas schemas;
  // Provider processes that were started ahead of the run; null: there are none.
  std::unique_ptr<RunProviders> providers;
  // The plan as Terraform prints it, for the policy; secrets included.
  std::string shown_plan;
  // Terraform starts some of the providers, or all.
  bool starts_providers = false;
};

// A program to the end, confined. What it prints on standard output goes to `out`, on standard
// error to the log. RUN_FAILED when it ran out of time, and when it failed and said nothing better.
absl::Status RunCommand(RunContext& context, const Command& command, const Sink& out);

// Same for Terraform with `-json`: its lines become events and log lines, its diagnostics are kept
// in the result. RUN_FAILED with the first error when it fails.
absl::Status RunTerraform(RunContext& context, const Command& command, JsonEvents::Mode mode);

// Keeps a diagnostic for the result, without secrets; the first 1000 of them.
void KeepDiagnostic(RunContext& context, v1::Diagnostic diagnostic);

// What the run's commands see besides what all see.
std::vector<Bind> FoldersOf(const RunContext& context);

// Where Terraform runs in one of the run's folders.
TerraformSite SiteOf(const RunContext& context, const std::string& folder);

}  // namespace stackyard::runner
