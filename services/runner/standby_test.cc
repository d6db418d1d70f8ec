#include "services/runner/standby.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/poll_until.h"
#include "services/runner/engine.h"
#include "services/runner/process.h"
#include "services/runner/standby_pool.h"
#include "services/runner/terraform.h"
#include "services/runner/testing/files.h"

namespace stackyard::runner {
namespace {

using testing::HasSubstr;

constexpr char kModule[] = R"(
resource "terraform_data" "one" { input = "one" }
output "one" { value = terraform_data.one.output }
)";

class StandbyTest : public testing::Test {
 protected:
  StandbyTest() {
    TerraformOptions options;
    options.engine = *ReadEngine(*FindEngine(""));
    options.cli_config = folder_.path() + "/terraform.rc";
    EXPECT_TRUE(WriteFile(options.cli_config, CliConfig("", true)).ok());
    terraform_ = std::make_unique<Terraform>(options);
    EXPECT_TRUE(MakeFolder(Site().folder).ok());
  }

  TerraformSite Site() const {
    return {folder_.path() + "/module", folder_.path(), folder_.path(), {}};
  }
  std::string Pipe() const { return folder_.path() + "/config"; }
  void Write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(WriteFile(absl::StrCat(Site().folder, "/", name), text).ok());
  }
  // Runs to the end; answers what it printed.
  std::string Finish(ChildProcess child) {
    std::string text;
    const auto append = [&text](std::string_view bytes) { text += bytes; };
    const auto outcome =
        RunProcess(std::move(child), RunControl(), ProcessLimits(), append, append);
    EXPECT_TRUE(outcome.ok() && outcome->ok()) << text;
    return text;
  }

  const TempFolder folder_;
  std::unique_ptr<Terraform> terraform_;
};

TEST_F(StandbyTest, WorksOnWhatIsThereWhenItIsReleased) {
  const Command command = terraform_->Plan(Site(), PlanKind::kNormal);
  auto standby = Standby::Start(command, Pipe());
  ASSERT_TRUE(standby.ok()) << standby.status();
  EXPECT_TRUE((*standby)->Is(command));
  Write("main.tf", kModule);
  Write(std::string(kParametersFile), "{}");
  auto child = (*standby)->Release();
  ASSERT_TRUE(child.ok()) << child.status();
  EXPECT_THAT(Finish(*std::move(child)), HasSubstr("\"add\":1"));

  const Command apply = terraform_->Apply(Site());
  standby = Standby::Start(apply, Pipe() + "2");
  ASSERT_TRUE(standby.ok()) << standby.status();
  auto applying = (*standby)->Release();
  ASSERT_TRUE(applying.ok()) << applying.status();
  EXPECT_THAT(Finish(*std::move(applying)), HasSubstr("Apply complete"));
}

TEST_F(StandbyTest, HearsItsConfiguration) {
  ASSERT_TRUE(WriteFile(folder_.path() + "/terraform.rc", "nonsense {").ok());
  auto standby = Standby::Start(terraform_->Plan(Site(), PlanKind::kNormal), Pipe());
  ASSERT_TRUE(standby.ok()) << standby.status();
  auto child = (*standby)->Release();
  ASSERT_TRUE(child.ok()) << child.status();
  std::string text;
  const auto append = [&text](std::string_view bytes) { text += bytes; };
  const auto outcome = RunProcess(*std::move(child), RunControl(), ProcessLimits(), append, append);
  ASSERT_TRUE(outcome.ok());
  EXPECT_FALSE(outcome->ok());
  EXPECT_THAT(text, HasSubstr("CLI configuration"));
}

TEST_F(StandbyTest, IsOneCommandAlone) {
  const Command command = terraform_->Plan(Site(), PlanKind::kNormal);
  const auto standby = Standby::Start(command, Pipe());
  ASSERT_TRUE(standby.ok()) << standby.status();
  EXPECT_FALSE((*standby)->Is(terraform_->Plan(Site(), PlanKind::kDestroy)));
  EXPECT_FALSE((*standby)->Is(terraform_->Apply(Site())));
  TerraformSite other = Site();
  other.environment["AWS_REGION"] = "eu-west-1";
  EXPECT_FALSE((*standby)->Is(terraform_->Plan(other, PlanKind::kNormal)));
}

TEST_F(StandbyTest, OneThatDiedIsUnavailable) {
  auto standby = Standby::Start(
      {{"/bin/false"}, {"TF_CLI_CONFIG_FILE=" + folder_.path() + "/terraform.rc"}, "/", {}},
      Pipe());
  ASSERT_TRUE(standby.ok()) << standby.status();
  EXPECT_EQ((*standby)->Release().status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(StandbyTest, NeedsAConfiguration) {
  EXPECT_EQ(Standby::Start({{"/bin/true"}, {}, "/", {}}, Pipe()).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(StandbyTest, ThePoolMakesThemReadyAndTakesThemAway) {
  auto workspace = Workspace::Open(folder_.path() + "/work", "me");
  ASSERT_TRUE(workspace.ok()) << workspace.status();
  ContainmentOptions options;
  options.scratch = (*workspace)->own();
  const auto containment = Containment::Open(options, "me");
  const auto site_of = [](const ReadySite& ready) {
    return TerraformSite{ready.folder->module(), ready.folder->path(), ready.folder->tmp(), {}};
  };
  const auto prepare = [&](const ReadySite& ready, StandbyPool::Kind kind) {
    return kind.work == StandbyPool::Work::kPlan
               ? terraform_->Plan(site_of(ready), PlanKind::kNormal)
               : terraform_->Apply(site_of(ready));
  };
  StandbyPool pool(**workspace, *containment, prepare, {.sites = 2, .quiet = absl::ZeroDuration()});
  const auto wait = [&pool](int count) {
    return PollUntil([&] { return pool.size() == count; }, absl::Seconds(30));
  };
  const StandbyPool::Kind plan = {StandbyPool::Work::kPlan, /*network=*/false};
  EXPECT_EQ(pool.Take(plan), nullptr) << "nobody has asked yet";
  ASSERT_TRUE(wait(4)) << "two plans, and two applies that follow";
  EXPECT_EQ(pool.Take({StandbyPool::Work::kApply, /*network=*/true}), nullptr);
  ASSERT_TRUE(wait(6));
  const auto one = pool.Take(plan);
  const auto two = pool.Take(plan);
  ASSERT_TRUE(one && two);
  EXPECT_NE(one->folder->path(), two->folder->path());
  EXPECT_TRUE(one->terraform->Is(terraform_->Plan(site_of(*one), PlanKind::kNormal)));
  EXPECT_TRUE(wait(6));
}

}  // namespace
}  // namespace stackyard::runner
