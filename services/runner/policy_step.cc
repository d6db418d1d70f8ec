#include "services/runner/policy_step.h"

#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/id.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "services/runner/file.h"
#include "services/runner/json_value.h"
#include "services/runner/plan_reader.h"
#include "services/runner/plan_summary.h"
#include "services/runner/policy.h"
#include "services/runner/process.h"
#include "services/runner/steps.h"

namespace stackyard::runner {
namespace {

using internal::v1::Assignment;
using nlohmann::json;

// Longer lists are in the log.
constexpr size_t kTold = 10;
constexpr size_t kMaxComplaints = 2000;

// What rules may look at besides the plan.
json Request(const Assignment& assignment) {
  json request;
  const std::vector<std::string> parts = absl::StrSplit(assignment.stack(), '/');
  request["project"] = parts.size() > 1 ? parts[1] : "";
  request["stack"] = assignment.stack();
  request["template_version"] = assignment.template_version();
  request["work"] = WorkName(assignment.work());
  request["parameters"] = ToJson(assignment.parameters());
  for (const std::string& name : assignment.sensitive_parameters()) {
    request["parameters"].erase(name);
  }
  return request;
}

absl::StatusOr<std::vector<v1::Diagnostic>> Evaluate(RunContext& context, const json& plan,
                                                     const Scrubber& scrubber) {
  json input = plan;
  input["stackyard"] = Request(context.assignment);
  // The plan has secrets, and the run's own processes must not come near it.
  const std::string path =
      absl::StrCat(context.parts.workspace.own(), "/policy-", RandomId(), ".json");
  const auto remove = absl::MakeCleanup([&path] { unlink(path.c_str()); });
  RETURN_IF_ERROR(WriteFile(path, input.dump(-1, ' ', false, json::error_handler_t::replace)));
  std::string answer;
  std::string complaints;
  // Not as the run's own commands are started: nothing of the module has a say in how it is judged.
  ASSIGN_OR_RETURN(const Outcome outcome,
                   RunProcess(
                       context.parts.policy->Evaluate(path), context.control, context.limits,
                       [&answer](std::string_view bytes) { answer += bytes; },
                       [&complaints](std::string_view bytes) { complaints += bytes; }));
  const auto fail = [&context, &scrubber](std::string_view why) {
    return Error(v1::RUN_FAILED,
                 ValidUtf8(absl::StrCat("the policy could not be evaluated: ",
                                        scrubber.Scrub(std::string(why)))),
                 {{"step", context.step}});
  };
  if (!outcome.ok()) {
    const std::string faults = PolicyFaults(answer);
    return fail(!faults.empty() ? faults
                                : absl::StrCat("opa ", outcome.ToString(), " ",
                                               complaints.substr(0, kMaxComplaints)));
  }
  auto verdict = ReadVerdict(answer);
  if (!verdict.ok()) return fail(std::string(verdict.status().message()));
  return verdict;
}

}  // namespace

absl::Status JudgePlan(RunContext& context) {
  if (context.shown_plan.empty()) RETURN_IF_ERROR(ShowPlan(context));
  const json plan =
      json::parse(std::exchange(context.shown_plan, {}), nullptr, /*allow_exceptions=*/false);
  Scrubber scrubber = context.scrubber;
  LearnPlanSecrets(plan, scrubber);
  ASSIGN_OR_RETURN(std::vector<v1::Diagnostic> messages, Evaluate(context, plan, scrubber));
  std::vector<std::string> denials;
  for (v1::Diagnostic& message : messages) {
    message.set_summary(ValidUtf8(scrubber.Scrub(message.summary())));
    message.set_address(ValidUtf8(scrubber.Scrub(message.address())));
    const bool denies = message.severity() == v1::Diagnostic::ERROR;
    context.reporter.Log(
        absl::StrCat(denies ? "Policy denies: " : "Policy warns: ", ToOneLine(message)));
    if (denies) denials.push_back(message.summary());
  }
  if (context.assignment.work() == Assignment::DESTROY) {
    if (denials.empty()) return absl::OkStatus();
    const size_t count = denials.size();
    denials.resize(std::min(count, kTold));
    return Error(v1::POLICY_DENIED,
                 absl::StrCat("the policy forbids to destroy it: ", absl::StrJoin(denials, "; ")),
                 {{"step", context.step}, {"denials", absl::StrCat(count)}});
  }
  context.result.mutable_plan()->mutable_plan()->mutable_policy_messages()->Assign(messages.begin(),
                                                                                   messages.end());
  return absl::OkStatus();
}

}  // namespace stackyard::runner
