#include "services/runner/plan_summary.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "services/runner/file.h"
#include "services/runner/plan_document.h"
#include "services/runner/plan_reader.h"

namespace stackyard::runner {
namespace {

// FAILED_PRECONDITION: Terraform has to be asked.
absl::StatusOr<nlohmann::json> ReadDirectly(const RunContext& context) {
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

}  // namespace

absl::Status ShowPlan(RunContext& context) {
  const TerraformSite site = SiteOf(context, context.folder.module());
  std::string text;
  RETURN_IF_ERROR(RunCommand(context, context.parts.terraform.Show(site),
                             [&text](std::string_view bytes) { text += bytes; }));
  context.shown_plan = std::move(text);
  return absl::OkStatus();
}

absl::StatusOr<internal::v1::PlanSummary> SummarizePlan(RunContext& context) {
  // Nothing is applied of a look for drift.
  const bool judged = context.parts.policy != nullptr &&
                      context.assignment.work() != internal::v1::Assignment::REFRESH;
  if (!judged) {
    const auto document = ReadDirectly(context);
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
