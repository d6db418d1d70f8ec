#include "services/runner/inspect_steps.h"

#include <utility>

#include "common/log.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "services/runner/bundle.h"
#include "services/runner/module_needs.h"
#include "services/runner/module_policy.h"
#include "services/runner/module_report.h"
#include "services/runner/run_providers.h"

namespace stackyard::runner {
namespace {

absl::Status Prepare(RunContext& context) { return FetchBundle(context, context.folder.module()); }

absl::Status Inspect(RunContext& context) {
  ASSIGN_OR_RETURN(ModuleReport report, InspectModule(context, context.folder.module()));
  RETURN_IF_ERROR(KeepModuleReport(context.folder.module(), report.text));
  for (v1::Diagnostic& diagnostic : report.diagnostics) KeepDiagnostic(context, diagnostic);
  RETURN_IF_ERROR(ModuleStatus(report.diagnostics));
  *context.result.mutable_module() = std::move(report.summary);
  return absl::OkStatus();
}

absl::Status Init(RunContext& context) {
  const TerraformSite site = SiteOf(context, context.folder.module());
  const absl::Status status =
      RunTerraform(context, context.parts.terraform.Init(site), JsonEvents::Mode::kPlan);
  if (ReasonOf(status) != v1::RUN_FAILED || context.control.interrupted()) return status;
  // That a provider cannot be had is told like any other fault of the module.
  const absl::Status faults =
      ModuleStatus({context.result.diagnostics().begin(), context.result.diagnostics().end()});
  return faults.ok() ? status : faults;
}

absl::Status Validate(RunContext& context) {
  const TerraformSite site = SiteOf(context, context.folder.module());
  std::string text;
  const absl::Status status = RunCommand(context, context.parts.terraform.Validate(site),
                                         [&text](std::string_view bytes) { text += bytes; });
  const auto diagnostics = ReadValidation(text);
  if (!diagnostics) return status;
  for (const v1::Diagnostic& diagnostic : *diagnostics) {
    context.reporter.Log(ToText(diagnostic));
    KeepDiagnostic(context, diagnostic);
  }
  RETURN_IF_ERROR(ModuleStatus(*diagnostics));
  return status;
}

// The first plan will not have to prepare it again.
absl::Status Keep(RunContext& context) {
  const auto kept =
      context.parts.modules.Publish(context.assignment.bundle_digest(), context.folder.module());
  if (!kept.ok()) {
    LogWarning("a module was not kept", {{"error", std::string(kept.status().message())}});
    return absl::OkStatus();
  }
  ExpectProviders(context, *kept);
  return absl::OkStatus();
}

}  // namespace

std::vector<Step> InspectSteps() {
  return {{"prepare", Prepare},
          {"inspect", Inspect},
          {"init", Init},
          {"validate", Validate},
          {"save", Keep}};
}

absl::Status FetchBundle(RunContext& context, const std::string& folder) {
  ASSIGN_OR_RETURN(const std::string bundle,
                   context.parts.queue.ReadBlob(context.assignment.bundle_digest(), kMaxBundle,
                                                context.control));
  return UnpackBundle(bundle, folder);
}

}  // namespace stackyard::runner
