#include "services/runner/plan_summary.h"

#include <string>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "services/runner/file.h"
#include "services/runner/plan_document.h"
#include "services/runner/plan_reader.h"

namespace stackyard::runner {

absl::StatusOr<nlohmann::json> ReadPlanDirectly(const RunContext& context) {
  std::string bytes;
  if (context.upload == nullptr) {
    ASSIGN_OR_RETURN(
        bytes, ReadFileOfRun(absl::StrCat(context.folder.module(), "/", std::string(kPlanFile)),
                             kMaxPlan));
  }
  // What is stored is what is shown.
  ASSIGN_OR_RETURN(const PlanFile plan,
                   PlanFile::Read(context.upload != nullptr ? context.upload->plan : bytes));
  return PlanDocument(plan, context.schemas);
}

absl::Status ShowPlan(RunContext& context) {
  const TerraformSite site = SiteOf(context, context.folder.module());
  std::string text;
  const auto take = [&text](std::string_view bytes) { text += bytes; };
  if (context.upload == nullptr) {
    const Command show = context.parts.terraform.Show(site, std::string(kPlanFile));
    RETURN_IF_ERROR(RunCommand(context, show, take));
  } else {
    // What is shown and judged is what is stored, whatever became of the file: a provider lives in
    // the module's folder.
    ASSIGN_OR_RETURN(const std::string stage, context.parts.workspace.MakeStage());
    const auto remove = absl::MakeCleanup([&stage] { RemoveFolder(stage); });
    const std::string plan = absl::StrCat(stage, "/", std::string(kPlanFile));
    RETURN_IF_ERROR(WriteFile(plan, context.upload->plan));
    RETURN_IF_ERROR(context.box.Own(stage));
    Command show = context.parts.terraform.Show(site, plan);
    show.sees = {stage};
    RETURN_IF_ERROR(RunCommand(context, show, take));
  }
  context.shown_plan = std::move(text);
  return absl::OkStatus();
}

absl::StatusOr<internal::v1::PlanSummary> SummarizePlan(RunContext& context) {
  // Nothing is applied of a look for drift.
  const bool judged = context.parts.policy != nullptr &&
                      context.assignment.work() != internal::v1::Assignment::REFRESH;
  if (!judged) {
    const auto document = ReadPlanDirectly(context);
    if (document.ok()) return ReadPlanDocument(*document, context.assignment, context.scrubber);
    if (document.status().code() != absl::StatusCode::kFailedPrecondition) {
      return document.status();
    }
    LogInfo("a plan is not read directly",
            {{"run", context.assignment.lease().run()},
             {"why", context.scrubber.Scrub(std::string(document.status().message()))}});
  }
  RETURN_IF_ERROR(ShowPlan(context));
  auto summary = ReadPlan(context.shown_plan, context.assignment, context.scrubber);
  // It has secrets, and nobody else wants it.
  if (!judged) context.shown_plan.clear();
  return summary;
}

}  // namespace stackyard::runner
