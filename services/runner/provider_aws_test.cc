// Whole runs with AWS's real provider, started ahead of them, against an emulator.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/runner/file.h"
#include "services/runner/state_watcher.h"
#include "services/runner/testing/aws_emulator.h"
#include "services/runner/testing/runner_fixture.h"

namespace stackyard::runner {
namespace {

using internal::v1::Assignment;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class AwsProviderTest : public RunnerFixture {
 protected:
  void SetUp() override {
    if (const std::string missing = AwsEmulator::Missing(); !missing.empty()) {
      GTEST_SKIP() << missing;
    }
    emulator_ = std::make_unique<AwsEmulator>();
    options_.provider_mirror = AwsMirror();
  }

  // Credentials of a project that lead to an emulator.
  static void Lead(Assignment& assignment, const AwsEmulator& emulator,
                   const std::string& key = "test") {
    v1::Credential& credential = *assignment.add_credentials();
    credential.set_name("projects/p/credentials/cloud");
    auto& variables = *credential.mutable_static_()->mutable_variables();
    variables["AWS_ENDPOINT_URL"] = emulator.url();
    variables["AWS_ACCESS_KEY_ID"] = key;
    variables["AWS_REGION"] = "us-east-1";
    (*credential.mutable_static_()->mutable_secret_variables())["AWS_SECRET_ACCESS_KEY"] = key;
  }

  // The bundle of templates/json-object.
  std::string JsonObject() {
    std::map<std::string, std::string> files;
    for (const auto& entry :
         std::filesystem::directory_iterator(STACKYARD_TEMPLATES "/json-object")) {
      if (entry.path().extension() != ".tf") continue;
      files[entry.path().filename().string()] = *ReadFile(entry.path().string());
    }
    return queue_.AddBlob(MakeBundle(files));
  }

  Assignment MakeJsonObject(Assignment::Work work, const std::string& run,
                            const std::string& bundle) {
    Assignment assignment =
        Make(work, run, bundle, R"({"name": "settings", "content": {"debug": true}})");
    assignment.set_inject_stack_uid(true);
    Lead(assignment, *emulator_);
    return assignment;
  }

  std::string Notices(const std::string& run) {
    std::string notices;
    for (const v1::RunEvent& event : queue_.Recorded(run).events) notices += event.notice();
    return notices;
  }

  std::unique_ptr<AwsEmulator> emulator_;
};

TEST_F(AwsProviderTest, PlansAppliesAndDestroysThroughTheProxy) {
  StartRunner();
  const std::string bundle = JsonObject();
  const auto planned = Do(MakeJsonObject(Assignment::PLAN, "projects/p/stacks/s/runs/1", bundle));
  ASSERT_EQ(planned.status().code(), 0) << planned.status().message();
  EXPECT_EQ(planned.plan().plan().to_create(), 5);

  Assignment apply = MakeJsonObject(Assignment::APPLY, "projects/p/stacks/s/runs/2", bundle);
  apply.set_plan_digest(planned.plan().plan().digest());
  const auto applied = Do(apply);
  ASSERT_EQ(applied.status().code(), 0) << applied.status().message();
  EXPECT_THAT(emulator_->Buckets(), ElementsAre(testing::StartsWith("settings-")));
  const std::string state = queue_.Recorded("projects/p/stacks/s/runs/2").states.back();

  Assignment refresh = MakeJsonObject(Assignment::REFRESH, "projects/p/stacks/s/runs/3", bundle);
  refresh.set_state(state);
  const auto refreshed = Do(refresh);
  ASSERT_EQ(refreshed.status().code(), 0) << refreshed.status().message();
  EXPECT_EQ(refreshed.plan().plan().changes_size(), 0);

  Assignment destroy = MakeJsonObject(Assignment::DESTROY, "projects/p/stacks/s/runs/4", bundle);
  destroy.set_state(state);
  const auto destroyed = Do(destroy);
  ASSERT_EQ(destroyed.status().code(), 0) << destroyed.status().message();
  EXPECT_THAT(emulator_->Buckets(), IsEmpty());
  EXPECT_TRUE(IsEmptyState(queue_.Recorded("projects/p/stacks/s/runs/4").states.back()));
  for (int run = 1; run <= 4; ++run) {
    EXPECT_EQ(Notices(absl::StrCat("projects/p/stacks/s/runs/", run)), "");
  }
  StopRunner();
  EXPECT_TRUE(std::filesystem::is_empty(Path("work/runs"))) << "processes leave nothing behind";
}

}  // namespace
}  // namespace stackyard::runner
