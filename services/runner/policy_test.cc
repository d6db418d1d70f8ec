// Whole runs with the real opa.
#include "services/runner/policy.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "services/runner/file.h"
#include "services/runner/testing/runner_fixture.h"

namespace stackyard::runner {
namespace {

using internal::v1::Assignment;
using internal::v1::CompleteRunRequest;
using testing::HasSubstr;
using testing::Not;

// No more than two of anything; names should be short.
constexpr char kRules[] = R"(package stackyard

deny contains {"msg": msg, "address": change.address} if {
  some change in input.resource_changes
  change.change.after.input == "forbidden"
  msg := sprintf("%s is not for %s", [change.change.after.input, input.stackyard.project])
}

deny contains msg if {
  some change in input.resource_changes
  change.change.actions == ["delete"]
  change.change.before.input == "precious"
  msg := "what is precious stays"
}

warn contains msg if {
  count(input.stackyard.parameters.name) > 3
  msg := sprintf("%s of %s is a long name", [input.stackyard.parameters.name,
    input.stackyard.template_version])
}

warn contains msg if {
  some change in input.resource_changes
  msg := sprintf("tells %v", [change.change.after.triggers_replace])
}

warn contains "the password is shown to rules" if input.stackyard.parameters.password
)";

constexpr char kModule[] = R"(
variable "name" { type = string }
variable "password" {
  type      = string
  sensitive = true
  default   = "none"
}
resource "terraform_data" "it" {
  input            = var.name
  triggers_replace = var.password
}
)";

class PolicyTest : public RunnerFixture {
 protected:
  // Starts a runner with these rules.
  void Start(const std::string& rules, const std::string& query = "data.stackyard") {
    WriteBundle(rules);
    options_.opa = STACKYARD_OPA_PATH;
    options_.policy_bundle = Path("policy");
    options_.policy_query = query;
    StartRunner();
  }
  void WriteBundle(const std::string& rules) {
    ASSERT_TRUE(MakeFolder(Path("policy")).ok());
    ASSERT_TRUE(WriteFile(Path("policy/stackyard.rego"), rules).ok());
  }
  // How opening a bundle of these rules fails.
  std::string Refusal(const std::string& rules, const std::string& query = "data.stackyard") {
    WriteBundle(rules);
    PolicyOptions options;
    options.opa = STACKYARD_OPA_PATH;
    options.bundle = Path("policy");
    options.query = query;
    const auto policy = Policy::Open(options);
    return policy.ok() ? "taken" : std::string(policy.status().message());
  }
  Assignment Ask(Assignment::Work work, const std::string& run, const std::string& parameters) {
    Assignment assignment =
        Make(work, run, queue_.AddBlob(MakeBundle({{"main.tf", kModule}})), parameters);
    assignment.set_stack("projects/web/stacks/shop");
    assignment.set_template_version("templates/shop/versions/1");
    assignment.add_sensitive_parameters("password");
    return assignment;
  }
};

TEST_F(PolicyTest, MessagesComeWithThePlan) {
  Start(kRules);
  for (const auto work : {Assignment::PLAN, Assignment::PREVIEW}) {
    const std::string run = "projects/web/stacks/shop/runs/" + std::to_string(work);
    const CompleteRunRequest done = Do(Ask(work, run, R"({"name": "forbidden"})"));
    ASSERT_EQ(done.status().code(), 0) << done.status().message() << ": stacks decides";
    std::map<std::string, v1::Diagnostic> messages;
    for (const auto& message : done.plan().plan().policy_messages()) {
      messages[message.summary()] = message;
    }
    EXPECT_EQ(messages.size(), 3U);
    const v1::Diagnostic& denial = messages["forbidden is not for web"];
    EXPECT_EQ(denial.severity(), v1::Diagnostic::ERROR);
    EXPECT_EQ(denial.address(), "terraform_data.it");
    EXPECT_EQ(messages["forbidden of templates/shop/versions/1 is a long name"].severity(),
              v1::Diagnostic::WARNING);
    EXPECT_THAT(queue_.Recorded(run).log, HasSubstr("Policy denies: forbidden is not for web"));
  }
  const CompleteRunRequest fine =
      Do(Ask(Assignment::PLAN, "projects/web/stacks/shop/runs/9", R"({"name": "ok"})"));
  ASSERT_EQ(fine.plan().plan().policy_messages_size(), 1);
}

TEST_F(PolicyTest, SecretsAreKeptFromPeople) {
  Start(kRules);
  const std::string run = "projects/web/stacks/shop/runs/1";
  const CompleteRunRequest done =
      Do(Ask(Assignment::PLAN, run, R"({"name": "ok", "password": "hunter2-is-secret"})"));
  ASSERT_EQ(done.status().code(), 0) << done.status().message();
  EXPECT_THAT(done.DebugString(), HasSubstr("tells (sensitive)"));
  EXPECT_THAT(done.DebugString(), Not(HasSubstr("hunter2")));
  EXPECT_THAT(done.DebugString(), Not(HasSubstr("password is shown")));
  EXPECT_THAT(queue_.Recorded(run).log, Not(HasSubstr("hunter2")));
  StopRunner();
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
    EXPECT_NE(entry.path().filename().string().rfind("policy-", 0), 0U) << entry.path();
  }
}

TEST_F(PolicyTest, RulesThatFailTellNoSecrets) {
  Start(
      "package stackyard\ndeny contains msg if {\n  some change in input.resource_changes\n"
      "  msg := to_number(change.change.after.input)\n}\n");
  const std::string bundle = queue_.AddBlob(MakeBundle({{"main.tf", R"(
resource "terraform_data" "it" { input = sensitive("only-the-plan-knows") }
)"}}));
  const std::string run = "projects/web/stacks/shop/runs/1";
  const CompleteRunRequest done = Do(Make(Assignment::PLAN, run, bundle));
  EXPECT_EQ(ReasonName(done.status()), "RUN_FAILED");
  EXPECT_THAT(done.status().message(), HasSubstr("to_number"));
  EXPECT_THAT(queue_.Everything(run), Not(HasSubstr("only-the-plan-knows")));
}

TEST_F(PolicyTest, WhatIsDeniedIsNotDestroyed) {
  Start(kRules);
  const std::string name = "projects/web/stacks/shop/runs/";
  const CompleteRunRequest planned =
      Do(Ask(Assignment::PLAN, name + "1", R"({"name": "precious"})"));
  Assignment apply = Ask(Assignment::APPLY, name + "2", R"({"name": "precious"})");
  apply.set_plan_digest(planned.plan().plan().digest());
  ASSERT_EQ(Do(apply).status().code(), 0);
  const std::string state = queue_.Recorded(name + "2").states.back();
  Assignment destroy = Ask(Assignment::DESTROY, name + "3", R"({"name": "precious"})");
  destroy.set_state(state);
  const CompleteRunRequest done = Do(destroy);
  EXPECT_EQ(ReasonName(done.status()), "POLICY_DENIED");
  EXPECT_THAT(done.status().message(), HasSubstr("what is precious stays"));
  EXPECT_THAT(queue_.Recorded(name + "3").log, Not(HasSubstr("Destroying")));
}

TEST_F(PolicyTest, FailsClosed) {
  // It compiles, and there is no plan yet for it to fail on.
  Start(
      "package stackyard\ndeny contains msg if {\n  some change in input.resource_changes\n"
      "  msg := to_number(change.address)\n}\n");
  const std::string run = "projects/web/stacks/shop/runs/1";
  CompleteRunRequest done = Do(Ask(Assignment::PLAN, run, R"({"name": "ok"})"));
  EXPECT_EQ(ReasonName(done.status()), "RUN_FAILED");
  EXPECT_THAT(done.status().message(), HasSubstr("the policy could not be evaluated"));
  EXPECT_THAT(done.status().message(), HasSubstr("to_number"));
  EXPECT_EQ(MetadataOf(done.status(), "step"), "policy");
  EXPECT_FALSE(done.has_plan());

  WriteBundle("package stackyard\ndeny := 5\n");
  done = Do(Ask(Assignment::PLAN, "projects/web/stacks/shop/runs/2", R"({"name": "ok"})"));
  EXPECT_THAT(done.status().message(), HasSubstr("`deny` is no set of messages"));
  WriteBundle("package stackyard\ndeny contains");
  done = Do(Ask(Assignment::PLAN, "projects/web/stacks/shop/runs/3", R"({"name": "ok"})"));
  EXPECT_THAT(done.status().message(), HasSubstr("stackyard.rego:2"));
}

TEST_F(PolicyTest, RulesWithoutAnEndAreEnded) {
  options_.policy_timeout = absl::Seconds(1);
  Start(
      "package stackyard\ndeny contains \"never\" if {\n  input.resource_changes\n"
      "  some a in numbers.range(1, 30000)\n  some b in numbers.range(1, 30000)\n"
      "  a * b == -1\n}\n");
  const CompleteRunRequest done =
      Do(Ask(Assignment::PLAN, "projects/web/stacks/shop/runs/1", R"({"name": "ok"})"));
  EXPECT_EQ(ReasonName(done.status()), "RUN_FAILED");
  EXPECT_THAT(done.status().message(), HasSubstr("the policy could not be evaluated"));
}

TEST_F(PolicyTest, ABundleThatDoesNotCompileIsRefusedAtOnce) {
  EXPECT_EQ(Refusal(kRules), "taken");
  EXPECT_THAT(Refusal("package stackyard\ndeny contains msg if { nowhere }\n"),
              HasSubstr("is unsafe"));
  EXPECT_THAT(Refusal("no rego"), HasSubstr("stackyard.rego:1"));
  EXPECT_THAT(Refusal("package other\nx := 1\n"), HasSubstr("nothing of that name"));
  EXPECT_EQ(Refusal("package other\nwarn contains \"x\"\n", "data.other"), "taken");
  EXPECT_THAT(Refusal("package stackyard\nwarn := \"x\"\n"), HasSubstr("`warn` is no set"));
  EXPECT_THAT(Refusal("package stackyard\ndeny contains 5\n"), HasSubstr("neither a string"));
  EXPECT_THAT(Refusal("package stackyard\nx := 1\n", "data.stackyard.x"),
              HasSubstr("no object with `deny`"));
  options_.stacks_target = "unix:/nowhere.sock";
  options_.work_dir = Path("work");
  options_.inspect = STACKYARD_INSPECT_PATH;
  options_.opa = STACKYARD_OPA_PATH;
  options_.policy_bundle = Path("nowhere");
  EXPECT_THAT(std::string(Complete(options_).message()), HasSubstr("--policy-bundle"));
  options_.policy_bundle = Path("policy");
  WriteBundle("no rego");
  ASSERT_TRUE(Complete(options_).ok());
  EXPECT_THAT(std::string(Program::Start(options_).status().message()),
              HasSubstr("stackyard.rego:1"));
}

TEST(ReadVerdictTest, NothingIsLetThroughForWhatCannotBeRead) {
  for (const char* answer : {"", "{}", "null", "[]", R"({"result":[]})",
                             R"({"result":[{"expressions":[{"value":true}]}]})",
                             R"({"result":[{"expressions":[{"value":{"deny":{"msg":"x"}}}]}]})",
                             R"({"result":[{"expressions":[{"value":{"deny":[{"text":"x"}]}}]}]})",
                             R"({"errors":[{"message":"x"}]})"}) {
    EXPECT_FALSE(ReadVerdict(answer).ok()) << answer;
  }
  const auto nothing = ReadVerdict(R"({"result":[{"expressions":[{"value":{"deny":[]}}]}]})");
  ASSERT_TRUE(nothing.ok());
  EXPECT_TRUE(nothing->empty());
}

}  // namespace
}  // namespace stackyard::runner
