#include "services/runner/steps.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/id.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "services/runner/bundle.h"
#include "services/runner/inspect_steps.h"
#include "services/runner/json_value.h"
#include "services/runner/module_policy.h"
#include "services/runner/module_report.h"
#include "services/runner/plan_reader.h"
#include "services/runner/plan_secrets.h"
#include "services/runner/plan_summary.h"
#include "services/runner/policy_step.h"
#include "services/runner/run_identity.h"
#include "services/runner/run_providers.h"

namespace stackyard::runner {
namespace {

using internal::v1::Assignment;

std::string PathOf(const RunContext& context, std::string_view file) {
  return absl::StrCat(context.folder.module(), "/", std::string(file));
}

// Unpacks and initialises the module; answers its folder.
absl::StatusOr<std::string> BuildModule(RunContext& context) {
  const std::string folder = context.folder.path() + "/prepare";
  RETURN_IF_ERROR(MakeFolder(folder));
  RETURN_IF_ERROR(FetchBundle(context, folder));
  // Before anything is fetched for it.
  RETURN_IF_ERROR(CheckPolicy(context, folder));
  RETURN_IF_ERROR(RunTerraform(context, context.parts.terraform.Init(SiteOf(context, folder)),
                               JsonEvents::Mode::kPlan));
  ASSIGN_OR_RETURN(const ModuleReport report, InspectModule(context, folder));
  RETURN_IF_ERROR(KeepModuleReport(folder, report.text));
  return folder;
}

std::string Parameters(const Assignment& assignment) {
  nlohmann::json parameters = ToJson(assignment.parameters());
  if (assignment.inject_stack_uid()) {
    parameters[std::string(kStackUidVariable)] = assignment.stack_uid();
  }
  return parameters.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

absl::Status FetchPlan(RunContext& context, const std::string& folder) {
  const std::string& digest = context.assignment.plan_digest();
  std::string plan = context.parts.plans.Get(digest);
  if (plan.empty()) {
    ASSIGN_OR_RETURN(plan, context.parts.queue.ReadBlob(digest, kMaxPlan, context.control));
  }
  return WriteFile(absl::StrCat(folder, "/", std::string(kPlanFile)), plan);
}

// What a run works on: module, parameters, state and plan.
absl::Status Fill(RunContext& context, const std::string& folder) {
  RETURN_IF_ERROR(CopyModule(context.prepared, folder));
  // A link, not TF_DATA_DIR: what init wrote names folders relative to the current one.
  const std::string data = absl::StrCat(context.prepared, "/", std::string(kDataFolder));
  if (symlink(data.c_str(), absl::StrCat(folder, "/", std::string(kDataFolder)).c_str()) != 0) {
    return absl::InternalError(absl::StrCat("linking ", data, ": ", strerror(errno)));
  }
  const auto write = [&folder](std::string_view name, const std::string& content) {
    return WriteFile(absl::StrCat(folder, "/", std::string(name)), content);
  };
  RETURN_IF_ERROR(write(kParametersFile, Parameters(context.assignment)));
  if (!context.assignment.state().empty()) {
    RETURN_IF_ERROR(write(kStateFile, context.assignment.state()));
  }
  return context.assignment.work() == Assignment::APPLY ? FetchPlan(context, folder)
                                                        : absl::OkStatus();
}

absl::Status Prepare(RunContext& context) {
  ASSIGN_OR_RETURN(const std::string prepared,
                   context.parts.modules.Get(context.assignment.bundle_digest(), context.control,
                                             [&context] { return BuildModule(context); }));
  context.prepared = prepared;
  RETURN_IF_ERROR(CheckPolicy(context, prepared));
  context.providers = RunProviders::Lease(context, prepared);
  // Made where nothing of the run can reach, and moved in: a provider lives in the module's folder
  // already, and may have put links in the way.
  ASSIGN_OR_RETURN(const std::string stage, context.parts.workspace.MakeStage());
  const auto remove = absl::MakeCleanup([&stage] { RemoveFolder(stage); });
  RETURN_IF_ERROR(Fill(context, stage));
  RETURN_IF_ERROR(MoveInto(stage, context.folder.module()));
  return TakeCredentials(context);
}

Step PlanStep(PlanKind kind) {
  return {"plan", [kind](RunContext& context) {
            return PlanWithProviders(context, [&context, kind] {
              const TerraformSite site = SiteOf(context, context.folder.module());
              return RunTerraform(context, context.parts.terraform.Plan(site, kind),
                                  JsonEvents::Mode::kPlan);
            });
          }};
}

// Sends the plan file while it is looked at.
absl::Status BeginUpload(RunContext& context) {
  auto upload = std::make_unique<RunContext::Upload>();
  ASSIGN_OR_RETURN(upload->plan, ReadFileOfRun(PathOf(context, kPlanFile), kMaxPlan));
  upload->task = std::make_unique<Task>("upload", [&context, sent = upload.get()] {
    sent->digest = context.parts.queue.WriteBlob(sent->plan, context.control);
  });
  context.upload = std::move(upload);
  return absl::OkStatus();
}

absl::Status Show(RunContext& context) {
  // Nobody applies what a REFRESH or a PREVIEW planned.
  if (context.assignment.work() == Assignment::PLAN) RETURN_IF_ERROR(BeginUpload(context));
  ASSIGN_OR_RETURN(internal::v1::PlanSummary summary, SummarizePlan(context));
  v1::Plan& told = *summary.mutable_plan();
  if (context.upload != nullptr) told.set_digest(Sha256Hex(context.upload->plan));
  told.set_state_serial(StateSerial(context.assignment.state()));
  *told.mutable_create_time() = ToProto(context.parts.clock.TimeNow());
  *told.mutable_diagnostics() = context.result.diagnostics();
  *context.result.mutable_plan() = std::move(summary);
  return absl::OkStatus();
}

absl::Status SavePlan(RunContext& context) {
  RunContext::Upload& upload = *context.upload;
  const std::string& digest = context.result.plan().plan().digest();
  RETURN_IF_ERROR(context.parts.plans.Put(digest, upload.plan));
  // Waits for the end of it.
  upload.task.reset();
  RETURN_IF_ERROR(upload.digest.status());
  if (*upload.digest != digest) {
    return absl::DataLossError("the plan was stored with another digest");
  }
  return absl::OkStatus();
}

// Applies the plan file; `name` is `apply` or `destroy`.
Step ChangeStep(const std::string& name) {
  return {name, [](RunContext& context) -> absl::Status {
            RETURN_IF_ERROR(LearnPlanSecrets(context));
            context.watcher = std::make_unique<StateWatcher>(
                context.parts.queue, context.assignment.lease(), context.folder.module(),
                StateSerial(context.assignment.state()), context.control);
            RETURN_IF_ERROR(context.watcher->Start());
            const TerraformSite site = SiteOf(context, context.folder.module());
            const absl::Status applied = RunTerraform(context, context.parts.terraform.Apply(site),
                                                      JsonEvents::Mode::kApply);
            if (!applied.ok()) LogLastWords(context);
            return applied;
          }};
}

absl::Status SaveState(RunContext& context) {
  internal::v1::StateSummary& summary = *context.result.mutable_state();
  summary.set_serial(StateSerial(context.assignment.state()));
  // Nothing was changed.
  if (context.watcher == nullptr) return absl::OkStatus();
  const absl::Status saved = context.watcher->Finish();
  summary.set_serial(context.watcher->serial());
  return saved;
}

absl::Status NothingToDestroy(RunContext& context) {
  v1::RunEvent none;
  none.set_planned_total(0);
  context.reporter.Event(std::move(none));
  context.reporter.Log("There is nothing to destroy.");
  return SaveState(context);
}

// Steps with the look at the plan between them, where there is a policy.
std::vector<Step> Judged(bool judged, std::vector<Step> steps, const std::vector<Step>& after) {
  if (judged) steps.push_back({"policy", JudgePlan});
  steps.insert(steps.end(), after.begin(), after.end());
  return steps;
}

}  // namespace

std::vector<Step> StepsFor(const Assignment& assignment, bool judged) {
  const Step prepare{"prepare", Prepare};
  const Step save_state{"save", SaveState, /*always=*/true};
  switch (assignment.work()) {
    case Assignment::INSPECT:
      return InspectSteps();
    case Assignment::PLAN:
      return Judged(judged, {prepare, PlanStep(PlanKind::kNormal), {"show", Show}},
                    {{"save", SavePlan}});
    case Assignment::PREVIEW:
      return Judged(judged, {prepare, PlanStep(PlanKind::kNormal), {"show", Show}}, {});
    case Assignment::REFRESH:
      return {prepare, PlanStep(PlanKind::kNormal), {"show", Show}};
    case Assignment::APPLY:
      return {prepare, ChangeStep("apply"), save_state};
    case Assignment::DESTROY:
      if (IsEmptyState(assignment.state())) return {{"save", NothingToDestroy}};
      return Judged(judged, {prepare, PlanStep(PlanKind::kDestroy)},
                    {ChangeStep("destroy"), save_state});
    default:
      return {{"prepare", [](RunContext&) {
                 return Error(v1::INTERNAL_FAULT, "this runner does not know the kind of work");
               }}};
  }
}

std::string WorkName(Assignment::Work work) {
  return absl::AsciiStrToLower(Assignment::Work_Name(work));
}

}  // namespace stackyard::runner
