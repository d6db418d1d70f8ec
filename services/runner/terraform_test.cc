#include "services/runner/terraform.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "services/runner/file.h"
#include "services/runner/testing/files.h"

namespace stackyard::runner {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(EngineTest, ReadsBothProducts) {
  const auto terraform = ParseEngine("/x", "Terraform v1.11.4\non linux_amd64\n");
  ASSERT_TRUE(terraform.ok());
  EXPECT_EQ(terraform->Label(), "terraform 1.11.4");
  EXPECT_TRUE(terraform->InitSpeaksJson());
  EXPECT_FALSE(ParseEngine("/x", "Terraform v1.8.5\n")->InitSpeaksJson());
  const auto tofu = ParseEngine("/x", "OpenTofu v1.8.0-rc1\n");
  ASSERT_TRUE(tofu.ok());
  EXPECT_EQ(tofu->Label(), "tofu 1.8.0-rc1");
  EXPECT_TRUE(tofu->InitSpeaksJson());
  EXPECT_FALSE(ParseEngine("/x", "GNU bash, version 5\n").ok());
}

TEST(EngineTest, FindsAndAsksPrograms) {
  const TempFolder folder;
  const std::string fake = folder.path() + "/terraform";
  ASSERT_TRUE(WriteFile(fake, "#!/bin/sh\necho \"OpenTofu v1.9.1\"; echo \"$*\" >&2\n", 0700).ok());
  EXPECT_EQ(*FindEngine(fake), fake);
  EXPECT_EQ(ReadEngine(fake)->Label(), "tofu 1.9.1");
  EXPECT_FALSE(FindEngine(folder.path()).ok());
  EXPECT_FALSE(FindEngine(folder.path() + "/missing").ok());
  EXPECT_EQ(ReadEngine("/bin/false").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(FindProgram("sh").empty());
}

TEST(CliConfigTest, TheMirrorServesWhatItHolds) {
  const TempFolder mirror;
  std::filesystem::create_directories(mirror.path() + "/registry.terraform.io/hashicorp/aws/5.0.0");
  std::filesystem::create_directories(mirror.path() + "/example.com/a/b");
  EXPECT_THAT(MirroredProviders(mirror.path()),
              ElementsAre("example.com/a/b", "registry.terraform.io/hashicorp/aws"));
  const std::string list = "[\"example.com/a/b\", \"registry.terraform.io/hashicorp/aws\"]";
  EXPECT_THAT(CliConfig(mirror.path(), true),
              AllOf(HasSubstr("path = \"" + mirror.path() + "\""), HasSubstr("include = " + list),
                    HasSubstr("direct {\n    exclude = " + list)));
  EXPECT_THAT(CliConfig(mirror.path(), false), Not(HasSubstr("direct")));
  EXPECT_THAT(CliConfig("", true), AllOf(HasSubstr("direct {\n  }"), Not(HasSubstr("mirror"))));
  EXPECT_THAT(CliConfig("/a\"${b}", false), HasSubstr(R"("/a\"$${b}")"));
}

class TerraformTest : public testing::Test {
 protected:
  TerraformTest() {
    options_.engine = *ParseEngine("/bin/terraform", "Terraform v1.11.4");
    options_.cli_config = "/own/rc";
    site_.folder = "/run/module";
    site_.home = "/run";
    site_.tmp = "/run/tmp";
    site_.environment = {
        {"AWS_REGION", "here"}, {"PATH", "/evil"}, {"TF_CLI_CONFIG_FILE", "/evil"}};
  }

  TerraformOptions options_;
  TerraformSite site_;
};

TEST_F(TerraformTest, TheEnvironmentIsItsOwn) {
  setenv("STACKYARD_SECRET", "x", 1);
  const Command command = Terraform(options_).Validate(site_);
  unsetenv("STACKYARD_SECRET");
  EXPECT_THAT(command.environment,
              testing::UnorderedElementsAre(
                  testing::StartsWith("PATH=/usr/local/sbin"), "HOME=/run", "TMPDIR=/run/tmp",
                  "TF_IN_AUTOMATION=1", "TF_INPUT=0", "CHECKPOINT_DISABLE=1",
                  "TF_CLI_CONFIG_FILE=/own/rc", "GOGC=off", "GOMEMLIMIT=1GiB", "AWS_REGION=here"));
  EXPECT_EQ(command.directory, "/run/module");
}

TEST_F(TerraformTest, CommandLines) {
  const Terraform terraform(options_);
  EXPECT_THAT(terraform.Init(site_).argv, ElementsAre("/bin/terraform", "init", "-input=false",
                                                      "-no-color", "-backend=false", "-json"));
  EXPECT_THAT(terraform.Plan(site_, PlanKind::kNormal).argv,
              ElementsAre("/bin/terraform", "plan", "-json", "-input=false", "-lock=false",
                          "-out=stackyard.tfplan", "-var-file=stackyard.auto.tfvars.json"));
  EXPECT_THAT(terraform.Plan(site_, PlanKind::kDestroy).argv, Contains("-destroy"));
  EXPECT_THAT(terraform.Apply(site_).argv,
              ElementsAre("/bin/terraform", "apply", "-json", "-input=false", "-lock=false",
                          "-backup=-", "stackyard.tfplan"));
  EXPECT_THAT(terraform.Show(site_, "/run/stage/stackyard.tfplan").argv,
              ElementsAre("/bin/terraform", "show", "-json", "/run/stage/stackyard.tfplan"));
  options_.engine = *ParseEngine("/bin/terraform", "Terraform v1.6.0");
  EXPECT_THAT(Terraform(options_).Init(site_).argv, Not(Contains("-json")));
}

}  // namespace
}  // namespace stackyard::runner
