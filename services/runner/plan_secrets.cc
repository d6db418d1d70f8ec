#include "services/runner/plan_secrets.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "common/status_macros.h"
#include "services/runner/plan_reader.h"
#include "services/runner/plan_summary.h"

namespace stackyard::runner {

using nlohmann::json;

bool LogsRequests(const Environment& environment) {
  return std::any_of(environment.begin(), environment.end(), [](const auto& entry) {
    return absl::StartsWith(entry.first, "TF_LOG") && !entry.second.empty() &&
           absl::AsciiStrToLower(entry.second) != "off";
  });
}

absl::Status LearnPlanSecrets(RunContext& context) {
  const auto direct = ReadPlanDirectly(context);
  if (direct.ok()) {
    LearnPlanSecrets(*direct, context.scrubber);
    return absl::OkStatus();
  }
  if (!LogsRequests(SiteOf(context, "").environment)) return absl::OkStatus();
  RETURN_IF_ERROR(ShowPlan(context));
  const std::string shown = std::exchange(context.shown_plan, {});
  LearnPlanSecrets(json::parse(shown, nullptr, /*allow_exceptions=*/false), context.scrubber);
  return absl::OkStatus();
}

}  // namespace stackyard::runner
