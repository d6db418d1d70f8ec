#include "services/runner/module_policy.h"

#include <google/protobuf/util/json_util.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/id.h"
#include "common/status_macros.h"
#include "services/runner/file.h"

namespace stackyard::runner {
namespace {

using internal::v1::Assignment;

absl::StatusOr<std::string> PolicyText(const Assignment& assignment) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(assignment.policy(), &text, options).ok()) {
    return absl::InternalError("the policy has no JSON form");
  }
  return text;
}

}  // namespace

absl::StatusOr<ModuleReport> InspectModule(RunContext& context, const std::string& folder) {
  const std::string policy = context.folder.path() + "/policy.json";
  ASSIGN_OR_RETURN(const std::string policy_text, PolicyText(context.assignment));
  RETURN_IF_ERROR(WriteFile(policy, policy_text));
  std::string text;
  RETURN_IF_ERROR(RunCommand(context,
                             {{context.parts.inspect, "-policy", policy, folder}, {}, folder},
                             [&text](std::string_view bytes) { text += bytes; }));
  ASSIGN_OR_RETURN(ModuleReport report, ReadModuleReport(text));
  report.text = std::move(text);
  return report;
}

absl::Status CheckPolicy(RunContext& context, const std::string& folder) {
  if (context.assignment.work() == Assignment::DESTROY) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string policy, PolicyText(context.assignment));
  const std::string mark =
      Sha256Hex(absl::StrCat(context.assignment.bundle_digest(), "\n", policy));
  if (context.parts.modules.IsAllowed(mark)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const ModuleReport report, InspectModule(context, folder));
  const absl::Status status = ModuleStatus(report.diagnostics);
  if (status.ok()) {
    context.parts.modules.Allowed(mark);
    return status;
  }
  for (const v1::Diagnostic& diagnostic : report.diagnostics) KeepDiagnostic(context, diagnostic);
  return status;
}

}  // namespace stackyard::runner
