#include "services/runner/plan_secrets.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "common/status_macros.h"

namespace stackyard::runner {
namespace {

using nlohmann::json;

const json& Member(const json& object, const char* name) {
  static const json kNone;
  if (!object.is_object()) return kNone;
  const auto found = object.find(name);
  return found == object.end() ? kNone : *found;
}

void LearnChange(const json& change, Scrubber& scrubber) {
  scrubber.LearnMarked(Member(change, "before"), Member(change, "before_sensitive"));
  scrubber.LearnMarked(Member(change, "after"), Member(change, "after_sensitive"));
}

}  // namespace

bool LogsRequests(const Environment& environment) {
  return std::any_of(environment.begin(), environment.end(), [](const auto& entry) {
    return absl::StartsWith(entry.first, "TF_LOG") && !entry.second.empty() &&
           absl::AsciiStrToLower(entry.second) != "off";
  });
}

absl::Status LearnPlanSecrets(RunContext& context) {
  const TerraformSite site = SiteOf(context, context.folder.module());
  std::string text;
  RETURN_IF_ERROR(RunCommand(context, context.parts.terraform.Show(site),
                             [&text](std::string_view bytes) { text += bytes; }));
  const json plan = json::parse(text, nullptr, /*allow_exceptions=*/false);
  for (const char* kind : {"resource_changes", "resource_drift"}) {
    for (const json& resource : Member(plan, kind)) {
      LearnChange(Member(resource, "change"), context.scrubber);
    }
  }
  for (const json& change : Member(plan, "output_changes")) LearnChange(change, context.scrubber);
  return absl::OkStatus();
}

}  // namespace stackyard::runner
