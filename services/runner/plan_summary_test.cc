// When Terraform is asked for a plan, and when its file is enough.
#include "services/runner/plan_summary.h"

#include <gmock/gmock.h>

#include "services/runner/engine.h"
#include "services/runner/file.h"
#include "services/runner/testing/runner_fixture.h"

namespace stackyard::runner {
namespace {

using internal::v1::Assignment;
using testing::HasSubstr;
using testing::Not;

class PlanSummaryTest : public RunnerFixture {
 protected:
  // Starts a runner whose Terraform writes down what it is called with.
  void Start() {
    const auto engine = FindEngine("");
    ASSERT_TRUE(engine.ok()) << engine.status();
    // Where runs may write, whoever they are.
    ASSERT_TRUE(WriteFile(GatePath("calls"), "", 0666).ok());
    ASSERT_TRUE(WriteFile(Path("terraform"),
                          "#!/bin/sh\necho \"$1\" >>'" + GatePath("calls") + "'\nexec '" + *engine +
                              "' \"$@\"\n",
                          0755)
                    .ok());
    options_.terraform = Path("terraform");
    StartRunner();
  }
  std::string Calls() { return ReadFile(GatePath("calls")).value_or(""); }
};

TEST_F(PlanSummaryTest, WhatIsBuiltInNeedsNoTerraformToBeShown) {
  Start();
  const std::string bundle = queue_.AddBlob(MakeBundle(
      {{"main.tf", "resource \"terraform_data\" \"a\" {\n  input = { size = 3 }\n}\n"}}));
  for (const auto work : {Assignment::PLAN, Assignment::PREVIEW, Assignment::REFRESH}) {
    Assignment assignment = Make(work, "projects/p/stacks/s/runs/" + std::to_string(work), bundle);
    (*assignment.mutable_metered_attributes())["terraform_data"].add_paths("input.size");
    const auto done = Do(assignment);
    ASSERT_EQ(done.status().code(), 0) << done.status().message();
    if (work == Assignment::REFRESH) continue;
    EXPECT_EQ(done.plan().plan().to_create(), 1);
    ASSERT_EQ(done.plan().resources_size(), 1);
    EXPECT_EQ(done.plan().resources(0).attributes().at("input.size").number_value(), 3);
  }
  EXPECT_THAT(Calls(), HasSubstr("plan\n"));
  EXPECT_THAT(Calls(), Not(HasSubstr("show")));
}

TEST_F(PlanSummaryTest, TerraformIsAskedForTheRest) {
  Start();
  const std::string bundle = queue_.AddBlob(
      MakeBundle({{"main.tf",
                   "variable \"v\" {\n  default   = \"an old secret\"\n  sensitive = !false\n}\n"
                   "resource \"terraform_data\" \"a\" {\n  input = nonsensitive(var.v)\n}\n"}}));
  const auto done = Do(Make(Assignment::PLAN, "projects/p/stacks/s/runs/1", bundle));
  ASSERT_EQ(done.status().code(), 0) << done.status().message();
  EXPECT_EQ(done.plan().plan().to_create(), 1);
  EXPECT_THAT(done.DebugString(), Not(HasSubstr("an old secret")));
  EXPECT_THAT(Calls(), HasSubstr("show\n"));
}

}  // namespace
}  // namespace stackyard::runner
