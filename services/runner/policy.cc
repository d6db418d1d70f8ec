#include "services/runner/policy.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "common/status_macros.h"

namespace stackyard::runner {
namespace {

using nlohmann::json;

// More than anybody reads; what denies stays denied by the first.
constexpr size_t kMaxMessages = 500;
constexpr size_t kMaxText = 2000;

absl::Status Fault(std::string_view what) {
  return absl::FailedPreconditionError(std::string(what));
}

// A rule's message; false when it has none.
bool ReadMessage(const json& rule, v1::Diagnostic& message) {
  const json* text = &rule;
  if (rule.is_object()) {
    const auto found = rule.find("msg");
    if (found == rule.end()) return false;
    text = &*found;
    const auto address = rule.find("address");
    if (address != rule.end() && address->is_string()) {
      message.set_address(address->get<std::string>());
    }
  }
  if (!text->is_string()) return false;
  message.set_summary(text->get<std::string>().substr(0, kMaxText));
  return true;
}

absl::Status ReadRules(const json& verdict, const char* name, v1::Diagnostic::Severity severity,
                       std::vector<v1::Diagnostic>& messages) {
  const auto rules = verdict.find(name);
  if (rules == verdict.end()) return absl::OkStatus();
  if (!rules->is_array()) return Fault(absl::StrCat("`", name, "` is no set of messages"));
  size_t count = 0;
  for (const json& rule : *rules) {
    v1::Diagnostic message;
    message.set_severity(severity);
    if (!ReadMessage(rule, message)) {
      return Fault(absl::StrCat("`", name,
                                "` holds something that is neither a string nor an "
                                "object with `msg`"));
    }
    if (++count <= kMaxMessages) messages.push_back(std::move(message));
  }
  return absl::OkStatus();
}

}  // namespace

Command Policy::Make(std::vector<std::string> arguments) const {
  Command command;
  // The heap's limit is a wish; this one is kept by the kernel.
  command.argv = {"/bin/sh", "-c", "ulimit -d \"$0\" && exec \"$@\"",
                  absl::StrCat(2 * 1024 * options_.memory_mib), options_.opa};
  for (std::string& argument : arguments) command.argv.push_back(std::move(argument));
  command.environment = {"PATH=/usr/bin:/bin", "HOME=/",
                         absl::StrCat("GOMEMLIMIT=", options_.memory_mib, "MiB")};
  // Not where a module could leave something for it.
  command.directory = "/";
  return command;
}

absl::StatusOr<std::unique_ptr<Policy>> Policy::Open(PolicyOptions options) {
  std::unique_ptr<Policy> policy(new Policy(std::move(options)));
  const PolicyOptions& own = policy->options_;
  std::string answer;
  std::string errors;
  ProcessLimits limits;
  limits.deadline = absl::Now() + own.timeout;
  limits.grace = absl::Seconds(1);
  // Without an input: rules about plans say nothing then, but they are compiled.
  ASSIGN_OR_RETURN(const Outcome outcome,
                   RunProcess(
                       policy->Make({"eval", "--format=json", "--bundle", own.bundle, own.query}),
                       RunControl(), limits, [&answer](std::string_view bytes) { answer += bytes; },
                       [&errors](std::string_view bytes) { errors += bytes; }));
  const auto refuse = [&own](std::string_view why) {
    return Fault(absl::StrCat("--policy-bundle=", own.bundle, ": ", std::string(why)));
  };
  if (!outcome.ok()) {
    const std::string faults = PolicyFaults(answer);
    return refuse(!faults.empty()   ? faults
                  : !errors.empty() ? errors.substr(0, kMaxText)
                                    : absl::StrCat("opa ", outcome.ToString()));
  }
  const auto verdict = ReadVerdict(answer);
  if (!verdict.ok()) {
    return refuse(absl::StrCat(own.query, ": ", std::string(verdict.status().message())));
  }
  return policy;
}

Command Policy::Evaluate(const std::string& input) const {
  return Make({"eval", "--format=json", "--strict-builtin-errors",
               absl::StrCat("--timeout=", absl::FormatDuration(options_.timeout)), "--bundle",
               options_.bundle, "--input", input, options_.query});
}

absl::StatusOr<std::vector<v1::Diagnostic>> ReadVerdict(std::string_view answer) {
  const json parsed = json::parse(answer, nullptr, /*allow_exceptions=*/false);
  const json::json_pointer place("/result/0/expressions/0/value");
  if (!parsed.is_object() || !parsed.contains(place)) {
    return Fault("there is nothing of that name in the bundle");
  }
  const json& verdict = parsed[place];
  if (!verdict.is_object()) return Fault("it is no object with `deny` and `warn`");
  std::vector<v1::Diagnostic> messages;
  RETURN_IF_ERROR(ReadRules(verdict, "deny", v1::Diagnostic::ERROR, messages));
  RETURN_IF_ERROR(ReadRules(verdict, "warn", v1::Diagnostic::WARNING, messages));
  return messages;
}

std::string PolicyFaults(std::string_view answer) {
  const json parsed = json::parse(answer, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object() || !parsed.contains("errors")) return "";
  std::vector<std::string> faults;
  for (const json& error : parsed["errors"]) {
    if (!error.is_object() || !error.contains("message") || !error["message"].is_string()) continue;
    std::string text = error["message"].get<std::string>();
    const json::json_pointer file("/location/file");
    const json::json_pointer row("/location/row");
    if (error.contains(file) && error[file].is_string() && error.contains(row)) {
      text = absl::StrCat(error[file].get<std::string>(), ":", error[row].dump(), ": ", text);
    }
    faults.push_back(std::move(text));
  }
  return absl::StrReplaceAll(absl::StrJoin(faults, "; "), {{"\n", " "}}).substr(0, kMaxText);
}

}  // namespace stackyard::runner
