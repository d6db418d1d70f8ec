// Runs from end to end, with the real terraform.
#include "services/runner/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "common/id.h"
#include "common/poll_until.h"
#include "services/runner/state_watcher.h"
#include "services/runner/testing/runner_fixture.h"

namespace stackyard::runner {
namespace {

namespace fs = std::filesystem;
using internal::v1::Assignment;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr char kRun[] = "projects/p/stacks/s/runs/1";
constexpr char kRun2[] = "projects/p/stacks/s/runs/2";
constexpr char kRun3[] = "projects/p/stacks/s/runs/3";
constexpr char kSecret[] = "hunter2-is-secret";

constexpr char kTwo[] = R"(
variable "names" { type = list(string) }
resource "terraform_data" "each" {
  for_each = toset(var.names)
  input    = { name = each.key, size = length(var.names) }
}
output "count" { value = length(terraform_data.each) }
)";

class RunnerTest : public RunnerFixture {};

std::vector<std::string> StepsOf(const RecordedRun& run) {
  std::vector<std::string> steps;
  for (const v1::RunEvent& event : run.events) {
    if (event.has_step_finished()) steps.push_back(event.step_finished().name());
  }
  return steps;
}

std::set<std::string> Done(const RecordedRun& run) {
  std::set<std::string> done;
  for (const v1::RunEvent& event : run.events) {
    if (event.resource().phase() == v1::ResourceEvent::DONE)
      done.insert(event.resource().address());
  }
  return done;
}

int TotalOf(const RecordedRun& run) {
  for (const v1::RunEvent& event : run.events) {
    if (event.event_case() == v1::RunEvent::kPlannedTotal) return event.planned_total();
  }
  return -1;
}

TEST_F(RunnerTest, PlansAppliesRefreshesAndDestroys) {
  StartRunner();
  const std::string bundle = queue_.AddBlob(MakeBundle({{"main.tf", kTwo}}));
  const std::string parameters = R"({"names": ["a", "b"]})";
  Assignment plan_it = Make(Assignment::PLAN, kRun, bundle, parameters);
  (*plan_it.mutable_metered_attributes())["terraform_data"].add_paths("input.size");
  const auto planned = Do(plan_it);
  ASSERT_EQ(planned.status().code(), 0) << planned.status().message();
  EXPECT_EQ(planned.plan().plan().to_create(), 2);
  ASSERT_EQ(planned.plan().resources_size(), 2);
  EXPECT_EQ(planned.plan().resources(0).address(), "terraform_data.each[\"a\"]");
  EXPECT_EQ(planned.plan().resources(0).attributes().at("input.size").number_value(), 2);
  EXPECT_THAT(planned.plan().plan().changed_outputs(), ElementsAre("count"));
  EXPECT_THAT(planned.engine(), testing::ContainsRegex("^(terraform|tofu) [0-9]"));
  const std::string digest = planned.plan().plan().digest();
  EXPECT_EQ(Sha256Hex(queue_.Blob(digest)), digest);
  EXPECT_THAT(StepsOf(queue_.Recorded(kRun)), ElementsAre("prepare", "plan", "show", "save"));
  EXPECT_EQ(TotalOf(queue_.Recorded(kRun)), 2);
  EXPECT_THAT(queue_.Recorded(kRun).log, HasSubstr("Plan: 2 to add"));

  const auto applied = Do(ApplyOf(planned.plan(), kRun2, bundle, parameters));
  ASSERT_EQ(applied.status().code(), 0) << applied.status().message();
  const RecordedRun apply = queue_.Recorded(kRun2);
  EXPECT_THAT(StepsOf(apply), ElementsAre("prepare", "apply", "save"));
  EXPECT_EQ(Done(apply).size(), 2U);
  EXPECT_EQ(TotalOf(apply), 2);
  ASSERT_FALSE(apply.states.empty());
  const std::string state = apply.states.back();
  EXPECT_EQ(applied.state().serial(), StateSerial(state));
  EXPECT_EQ(nlohmann::json::parse(state)["resources"][0]["instances"].size(), 2U);
  EXPECT_EQ(queue_.reads_of(digest), 0) << "the runner that planned has the plan";

  Assignment refresh = Make(Assignment::REFRESH, "r/refresh", bundle, parameters);
  refresh.set_state(state);
  const auto refreshed = Do(refresh);
  ASSERT_EQ(refreshed.status().code(), 0) << refreshed.status().message();
  EXPECT_EQ(refreshed.plan().plan().changes_size(), 0);
  EXPECT_EQ(refreshed.plan().resources_size(), 2);
  EXPECT_EQ(refreshed.plan().plan().state_serial(), StateSerial(state));

  Assignment destroy = Make(Assignment::DESTROY, kRun3, bundle, parameters);
  destroy.set_state(state);
  const auto destroyed = Do(destroy);
  ASSERT_EQ(destroyed.status().code(), 0) << destroyed.status().message();
  const RecordedRun gone = queue_.Recorded(kRun3);
  EXPECT_THAT(StepsOf(gone), ElementsAre("prepare", "plan", "destroy", "save"));
  EXPECT_EQ(Done(gone).size(), 2U);
  EXPECT_TRUE(IsEmptyState(gone.states.back()));
  EXPECT_GT(destroyed.state().serial(), StateSerial(state));

  EXPECT_EQ(queue_.reads_of(bundle), 1) << "the bundle is prepared once";
  StopRunner();
  EXPECT_TRUE(std::filesystem::is_empty(Path("work/runs"))) << "runs leave nothing behind";
}

TEST_F(RunnerTest, APreviewPlansAndSavesNothing) {
  StartRunner();
  const std::string bundle = queue_.AddBlob(MakeBundle({{"main.tf", kTwo}}));
  const auto planned = Plan(kRun, bundle, R"({"names": ["a"]})");
  const auto applied = Do(ApplyOf(planned, kRun2, bundle, R"({"names": ["a"]})"));
  ASSERT_EQ(applied.status().code(), 0) << applied.status().message();
  Assignment preview = Make(Assignment::PREVIEW, kRun3, bundle, R"({"names": ["a", "b"]})");
  preview.set_state(queue_.Recorded(kRun2).states.back());
  const auto previewed = Do(preview);
  ASSERT_EQ(previewed.status().code(), 0) << previewed.status().message();
  EXPECT_EQ(previewed.plan().plan().to_create(), 1);
  EXPECT_EQ(previewed.plan().plan().to_update(), 1);
  EXPECT_EQ(previewed.plan().resources_size(), 2);
  EXPECT_EQ(previewed.plan().plan().digest(), "") << "there is nothing to approve or apply";
  const RecordedRun run = queue_.Recorded(kRun3);
  EXPECT_THAT(StepsOf(run), ElementsAre("prepare", "plan", "show"));
  EXPECT_THAT(run.states, testing::IsEmpty());
  EXPECT_EQ(TotalOf(run), 2);
}

TEST_F(RunnerTest, SavesTheStateWhileApplyGoesOn) {
  StartRunner();
  const std::string module = "resource \"terraform_data\" \"first\" { input = 1 }\n" +
                             Gated("second", "gate") +
                             "resource \"terraform_data\" \"third\" {\n"
                             "  input = terraform_data.second.id\n}\n";
  const std::string bundle = queue_.AddBlob(MakeBundle({{"main.tf", module}}));
  const auto plan = Plan(kRun, bundle);
  queue_.Push(ApplyOf(plan, kRun2, bundle));
  // The gate is shut: Terraform cannot have ended.
  queue_.WaitFor(kRun2, [](const RecordedRun& run) {
    return !run.states.empty() && run.states.back().find("\"first\"") != std::string::npos;
  });
  EXPECT_FALSE(queue_.Recorded(kRun2).completion.has_value());
  Open("gate");
  EXPECT_EQ(queue_.WaitCompleted(kRun2).status().code(), 0);
  const RecordedRun run = queue_.Recorded(kRun2);
  ASSERT_GE(run.states.size(), 2U);
  for (size_t i = 1; i < run.states.size(); ++i) {
    EXPECT_GT(StateSerial(run.states[i]), StateSerial(run.states[i - 1])) << "none is sent twice";
  }
  EXPECT_THAT(run.states.back(), HasSubstr("\"third\""));
}

TEST_F(RunnerTest, ReadsAModuleAndKeepsItPrepared) {
  StartRunner();
  const std::string bundle = queue_.AddBlob(MakeBundle(
      {{"main.tf",
        "variable \"stackyard_stack_uid\" { type = string }\n"
        "variable \"size\" {\n  type = number\n  default = 3\n  description = \"How big.\"\n}\n"
        "output \"uid\" { value = var.stackyard_stack_uid }\n"
        "module \"child\" { source = \"./child\" }\n"},
       {"child/main.tf", "resource \"terraform_data\" \"in\" { input = 1 }\n"}}));
  Assignment inspect = Make(Assignment::INSPECT, "templates/t/versions/1", bundle);
  inspect.clear_parameters();
  const auto inspected = Do(inspect);
  ASSERT_EQ(inspected.status().code(), 0) << inspected.status().message();
  const auto& parameters = inspected.module().parameters();
  ASSERT_EQ(parameters.size(), 2);
  EXPECT_TRUE(parameters[0].injected());
  EXPECT_EQ(parameters[1].type(), "number");
  EXPECT_EQ(parameters[1].default_value().number_value(), 3);
  EXPECT_FALSE(parameters[1].required());
  EXPECT_EQ(inspected.module().outputs(0).name(), "uid");

  Assignment plan = Make(Assignment::PLAN, kRun, bundle);
  plan.set_inject_stack_uid(true);
  const auto planned = Do(plan);
  ASSERT_EQ(planned.status().code(), 0) << planned.status().message();
  EXPECT_EQ(planned.plan().resources(0).address(), "module.child.terraform_data.in");
  EXPECT_EQ(queue_.reads_of(bundle), 1);
}

TEST_F(RunnerTest, SaysWhatIsWrongWithAModule) {
  StartRunner();
  const std::map<std::string, std::string> broken = {
      {"variable \"a\" {\n  type = nonsense\n}\n", "main.tf:2"},
      {"\nresource \"terraform_data\" \"a\" { inputs = 1 }\n", "main.tf:2: Unsupported argument"},
      {"terraform {\n  backend \"http\" {}\n}\n", "state is kept"},
      {"terraform {\n  required_providers {\n    nope = { source = \"example.com/a/nope\" }\n  "
       "}\n}\n",
       "example.com/a/nope"},
  };
  int number = 0;
  for (const auto& [source, expected] : broken) {
    const std::string bundle = queue_.AddBlob(MakeBundle({{"main.tf", source}}));
    const std::string run = "templates/t/versions/" + std::to_string(++number);
    const auto completion = Do(Make(Assignment::INSPECT, run, bundle));
    EXPECT_EQ(ReasonName(completion.status()), "MODULE_INVALID") << completion.status().message();
    EXPECT_THAT(completion.status().message(), HasSubstr(expected));
    EXPECT_GE(completion.diagnostics_size(), 1);
    EXPECT_FALSE(completion.has_module());
  }
  const std::string no_bundle = queue_.AddBlob("no tar at all");
  EXPECT_EQ(ReasonName(Do(Make(Assignment::INSPECT, "templates/t/versions/x", no_bundle)).status()),
            "BUNDLE_INVALID");
}

TEST_F(RunnerTest, TellsWhatFailedByAddressAndKeepsTheState) {
  StartRunner();
  const std::string module = R"(
variable "password" {
  type      = string
  sensitive = true
}
resource "terraform_data" "good" { input = var.password }
resource "terraform_data" "bad" {
  depends_on = [terraform_data.good]
  provisioner "local-exec" {
    command = "echo '${nonsensitive(var.password)}' >&2; exit 3"
  }
}
)";
  const std::string parameters = "{\"password\": \"" + std::string(kSecret) + "\"}";
  const std::string bundle = queue_.AddBlob(MakeBundle({{"main.tf", module}}));
  Assignment plan = Make(Assignment::PLAN, kRun, bundle, parameters);
  plan.add_sensitive_parameters("password");
  const auto planned = Do(plan);
  ASSERT_EQ(planned.status().code(), 0) << planned.status().message();
  Assignment apply = ApplyOf(planned.plan(), kRun2, bundle, parameters);
  apply.add_sensitive_parameters("password");
  const auto applied = Do(apply);
  EXPECT_EQ(ReasonName(applied.status()), "RUN_FAILED");
  EXPECT_EQ(MetadataOf(applied.status(), "step"), "apply");
  EXPECT_EQ(MetadataOf(applied.status(), "address"), "terraform_data.bad");
  EXPECT_THAT(applied.status().message(), HasSubstr("local-exec provisioner error"));
  ASSERT_GE(applied.diagnostics_size(), 1);
  const RecordedRun run = queue_.Recorded(kRun2);
  EXPECT_THAT(run.states.back(), HasSubstr("\"good\""));
  EXPECT_EQ(applied.state().serial(), StateSerial(run.states.back()));
  EXPECT_THAT(StepsOf(run), ElementsAre("prepare", "apply", "save"));

  EXPECT_THAT(run.states.back(), HasSubstr(kSecret)) << "the state alone may hold it";
  for (const char* name : {kRun, kRun2}) {
    EXPECT_THAT(queue_.Everything(name), Not(HasSubstr(kSecret)));
  }
  EXPECT_THAT(run.log, HasSubstr("(sensitive)"));
}

TEST_F(RunnerTest, QuotesTheFirstErrorOfAPlan) {
  StartRunner();
  const std::string bundle = queue_.AddBlob(
      MakeBundle({{"main.tf",
                   "variable \"n\" {\n  type = number\n  validation {\n    condition = var.n > 5\n"
                   "    error_message = \"Too small.\"\n  }\n}\n"}}));
  const auto completion = Do(Make(Assignment::PLAN, kRun, bundle, R"({"n": 1})"));
  EXPECT_EQ(ReasonName(completion.status()), "RUN_FAILED");
  EXPECT_EQ(MetadataOf(completion.status(), "step"), "plan");
  EXPECT_THAT(completion.status().message(), HasSubstr("Too small."));
  EXPECT_FALSE(completion.has_plan());
}

TEST_F(RunnerTest, AStalePlanIsRefused) {
  StartRunner();
  const std::string bundle = queue_.AddBlob(MakeBundle({{"main.tf", kTwo}}));
  const auto plan = Plan(kRun, bundle, R"({"names": ["a"]})");
  Assignment apply = ApplyOf(plan, kRun2, bundle, R"({"names": ["a"]})");
  apply.set_state(
      R"({"version":4,"terraform_version":"1.6.0","serial":7,"lineage":"x","outputs":{},"resources":[]})");
  const auto applied = Do(apply);
  EXPECT_EQ(ReasonName(applied.status()), "RUN_FAILED");
  EXPECT_THAT(applied.status().message(), HasSubstr("stale"));
  EXPECT_EQ(applied.state().serial(), 7);
}

TEST_F(RunnerTest, DestroyingNothingSucceeds) {
  StartRunner();
  const std::string bundle = queue_.AddBlob(MakeBundle({{"main.tf", kTwo}}));
  const auto completion = Do(Make(Assignment::DESTROY, kRun, bundle));
  EXPECT_EQ(completion.status().code(), 0);
  EXPECT_EQ(completion.state().serial(), 0);
  EXPECT_EQ(TotalOf(queue_.Recorded(kRun)), 0);
}

TEST_F(RunnerTest, ReplacementsCountOnce) {
  StartRunner();
  const std::string module =
      "variable \"v\" { type = string }\n"
      "resource \"terraform_data\" \"r\" { triggers_replace = var.v }\n";
  const std::string bundle = queue_.AddBlob(MakeBundle({{"main.tf", module}}));
  const auto first = Plan(kRun, bundle, R"({"v": "1"})");
  Do(ApplyOf(first, kRun2, bundle, R"({"v": "1"})"));
  const std::string state = queue_.Recorded(kRun2).states.back();
  Assignment replan = Make(Assignment::PLAN, kRun3, bundle, R"({"v": "2"})");
  replan.set_state(state);
  const auto planned = Do(replan);
  EXPECT_EQ(planned.plan().plan().to_replace(), 1);
  Assignment apply = ApplyOf(planned.plan(), "r/4", bundle, R"({"v": "2"})");
  apply.set_state(state);
  EXPECT_EQ(Do(apply).status().code(), 0);
  const RecordedRun run = queue_.Recorded("r/4");
  EXPECT_EQ(TotalOf(run), 1);
  int done = 0;
  for (const v1::RunEvent& event : run.events) {
    if (event.resource().phase() != v1::ResourceEvent::DONE) continue;
    ++done;
    EXPECT_EQ(event.resource().action(), v1::ResourceChange::REPLACE);
  }
  EXPECT_EQ(done, 1);
}

TEST_F(RunnerTest, ManyRunsOfOneBundlePrepareItOnce) {
  options_.slots = 6;
  StartRunner();
  const std::string bundle = queue_.AddBlob(MakeBundle({{"main.tf", kTwo}}));
  for (int i = 0; i < 6; ++i) {
    queue_.Push(Make(Assignment::PLAN, "r/" + std::to_string(i), bundle, R"({"names": ["a"]})"));
  }
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(queue_.WaitCompleted("r/" + std::to_string(i)).status().code(), 0);
  }
  EXPECT_EQ(queue_.reads_of(bundle), 1);
}

constexpr char kTellsWhere[] = R"(
resource "terraform_data" "it" {
  provisioner "local-exec" {
    command = "pwd"
  }
}
)";

TEST_F(RunnerTest, TakesOverATerraformThatWaitsWhereItWouldStartTheSame) {
  options_.standby = 1;
  StartRunner();
  const std::string bundle = queue_.AddBlob(MakeBundle({{"main.tf", kTellsWhere}}));
  int runs = 0;
  const auto log_of = [&](int64_t memory_mib) {
    const auto with_limits = [&](Assignment assignment) {
      if (memory_mib > 0) assignment.mutable_limits()->set_memory_mib(memory_mib);
      return assignment;
    };
    const std::string name = "projects/p/stacks/s/runs/";
    const auto plan =
        Do(with_limits(Make(Assignment::PLAN, name + std::to_string(++runs), bundle)));
    EXPECT_EQ(plan.status().code(), 0) << plan.status().message();
    const std::string run = name + std::to_string(++runs);
    const auto applied = Do(with_limits(ApplyOf(plan.plan(), run, bundle)));
    EXPECT_EQ(applied.status().code(), 0) << applied.status().message();
    return queue_.Recorded(run).log;
  };
  EXPECT_THAT(log_of(0), Not(HasSubstr("/ready-"))) << "nobody had asked yet";
  // Now it is prepared, and known to need no providers.
  log_of(0);
  const auto waiting = [this] {
    int count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(Path("work/runs"))) {
      count += entry.path().filename() == "config" && entry.is_fifo() ? 1 : 0;
    }
    return count;
  };
  ASSERT_TRUE(PollUntil([&] { return waiting() == 2; }, absl::Seconds(60)));
  EXPECT_THAT(log_of(0), HasSubstr("/ready-"));
  ASSERT_TRUE(PollUntil([&] { return waiting() == 2; }, absl::Seconds(60)));
  // With less memory Terraform's own limit is another.
  EXPECT_THAT(log_of(512), Not(HasSubstr("/ready-")));
  EXPECT_EQ(waiting(), 2);
}

TEST_F(RunnerTest, WhatOnlyThePlanCallsSecretIsKeptFromTheLogOfItsApply) {
  StartRunner();
  const std::string bundle = queue_.AddBlob(MakeBundle({{"main.tf", R"(
resource "terraform_data" "it" {
  input = sensitive("only-the-plan-knows")

  provisioner "local-exec" {
    command = "cat main.tf; exit 1"
  }
}
)"}}));
  const auto plan = Plan(kRun, bundle);
  const std::string run = "projects/p/stacks/s/runs/2";
  const auto applied = Do(ApplyOf(plan, run, bundle));
  EXPECT_EQ(ReasonName(applied.status()), "RUN_FAILED");
  EXPECT_THAT(queue_.Recorded(run).log, HasSubstr("sensitive("));
  EXPECT_THAT(queue_.Everything(run), Not(HasSubstr("only-the-plan-knows")));
}

}  // namespace
}  // namespace stackyard::runner
