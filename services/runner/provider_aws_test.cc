// Whole runs with AWS's real provider, started ahead of them, against an emulator.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/runner/file.h"
#include "services/runner/plugin_client.h"
#include "services/runner/state_watcher.h"
#include "services/runner/testing/aws_emulator.h"
#include "services/runner/testing/runner_fixture.h"
#include "services/runner/wire_fields.h"

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

  // A module of one file, with a provider that needs no more than an endpoint.
  std::string Module(const std::string& text, const std::map<std::string, std::string>& more = {}) {
    std::map<std::string, std::string> files = more;
    files["main.tf"] = text;
    return queue_.AddBlob(MakeBundle(files));
  }
  static std::string Provider(const AwsEmulator& emulator, const std::string& alias = "") {
    return absl::StrCat(
        "provider \"aws\" {\n", alias.empty() ? "" : "  alias = \"", alias,
        alias.empty() ? "" : "\"\n", "  endpoints { s3 = \"", emulator.url(),
        "\" }\n  s3_use_path_style = true\n  skip_requesting_account_id = true\n}\n");
  }
  Assignment MakeRun(Assignment::Work work, const std::string& run, const std::string& bundle,
                     const std::string& state = "") {
    Assignment assignment = Make(work, run, bundle);
    assignment.set_state(state);
    Lead(assignment, *emulator_);
    return assignment;
  }
  std::string LastState(const std::string& run) { return queue_.Recorded(run).states.back(); }

  // Processes of the provider that keep temporary files below the fixture's folder.
  std::vector<pid_t> ProviderProcesses() {
    std::vector<pid_t> found;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
      const std::string path = entry.path().string();
      const auto program = std::filesystem::read_symlink(path + "/exe", error).string();
      if (!absl::StrContains(program, "terraform-provider-aws")) continue;
      const auto environment = ReadFile(path + "/environ", 1 << 20);
      if (environment.ok() && absl::StrContains(*environment, "TMPDIR=" + folder_.path())) {
        found.push_back(atoi(entry.path().filename().c_str()));
      }
    }
    return found;
  }
  void KillProviders() {
    const std::vector<pid_t> processes = ProviderProcesses();
    EXPECT_THAT(processes, Not(IsEmpty()));
    for (const pid_t process : processes) kill(process, SIGKILL);
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

TEST_F(AwsProviderTest, PlansAndAppliesMeetTheOtherWayToo) {
  // Planned with a process of the pool, applied the plain way, and the other way round.
  const std::string bundle = JsonObject();
  for (const bool plan_is_fast : {true, false}) {
    options_.provider_pool_max = plan_is_fast ? 2 : 0;
    StartRunner();
    const std::string run = absl::StrCat("projects/p/stacks/s", plan_is_fast, "/runs/");
    const auto planned = Do(MakeJsonObject(Assignment::PLAN, run + "1", bundle));
    ASSERT_EQ(planned.status().code(), 0) << planned.status().message();
    StopRunner();

    options_.provider_pool_max = plan_is_fast ? 0 : 2;
    StartRunner();
    Assignment apply = MakeJsonObject(Assignment::APPLY, run + "2", bundle);
    apply.set_plan_digest(planned.plan().plan().digest());
    const auto applied = Do(apply);
    ASSERT_EQ(applied.status().code(), 0) << applied.status().message();
    Assignment destroy = MakeJsonObject(Assignment::DESTROY, run + "3", bundle);
    destroy.set_state(LastState(run + "2"));
    ASSERT_EQ(Do(destroy).status().code(), 0);
    StopRunner();
  }
  EXPECT_THAT(emulator_->Buckets(), IsEmpty());
}

TEST_F(AwsProviderTest, TheProviderFindsFilesOfTheModule) {
  StartRunner();
  const std::string bundle = Module(Provider(*emulator_) + R"(
resource "aws_s3_bucket" "b" { bucket = "files" }
resource "aws_s3_object" "o" {
  bucket = aws_s3_bucket.b.id
  key    = "k"
  source = "${path.module}/files/a.txt"
})",
                                    {{"files/a.txt", "what the module brought"}});
  // The second run gets a process that another run has used.
  for (const char* run : {"projects/p/stacks/s/runs/1", "projects/p/stacks/s/runs/2"}) {
    const auto planned = Do(MakeRun(Assignment::PLAN, run, bundle));
    ASSERT_EQ(planned.status().code(), 0) << planned.status().message();
    EXPECT_EQ(Notices(run), "");
    Assignment apply = MakeRun(Assignment::APPLY, absl::StrCat(run, "-apply"), bundle);
    apply.set_plan_digest(planned.plan().plan().digest());
    const auto applied = Do(apply);
    ASSERT_EQ(applied.status().code(), 0) << applied.status().message();
    EXPECT_THAT(emulator_->Get("/files/k"), HasSubstr("what the module brought"));
    const auto destroyed = Do(MakeRun(Assignment::DESTROY, absl::StrCat(run, "-destroy"), bundle,
                                      LastState(absl::StrCat(run, "-apply"))));
    ASSERT_EQ(destroyed.status().code(), 0) << destroyed.status().message();
  }
}

// A process of the provider has one configuration: two would mix, and report success.
TEST_F(AwsProviderTest, AliasesGoThePlainWayAndReachTheirEndpoints) {
  const AwsEmulator there;
  const std::string bundle = Module(Provider(*emulator_) + Provider(there, "there") + R"(
resource "aws_s3_bucket" "here" { bucket = "here" }
resource "aws_s3_bucket" "there" {
  provider = aws.there
  bucket   = "there"
})");
  StartRunner();
  const std::string run = "projects/p/stacks/s/runs/1";
  const auto planned = Do(MakeRun(Assignment::PLAN, run, bundle));
  ASSERT_EQ(planned.status().code(), 0) << planned.status().message();
  EXPECT_THAT(Notices(run), HasSubstr("registry.terraform.io/hashicorp/aws is started the plain "
                                      "way: the module configures it in more than one way."));
  Assignment apply = MakeRun(Assignment::APPLY, "projects/p/stacks/s/runs/2", bundle);
  apply.set_plan_digest(planned.plan().plan().digest());
  const auto applied = Do(apply);
  ASSERT_EQ(applied.status().code(), 0) << applied.status().message();
  EXPECT_THAT(emulator_->Buckets(), ElementsAre("here"));
  EXPECT_THAT(there.Buckets(), ElementsAre("there"));
}

// Were the module misread, the proxy would still not let two configurations meet.
TEST_F(AwsProviderTest, AMisreadModuleIsPlannedAgainAndNeverApplied) {
  const AwsEmulator there;
  const std::string bundle = Module(Provider(*emulator_) + Provider(there, "there") + R"(
resource "aws_s3_bucket" "here" { bucket = "here" }
resource "aws_s3_bucket" "there" {
  provider = aws.there
  bucket   = "there"
})");
  StartRunner();
  const std::string run = "projects/p/stacks/s/runs/1";
  // All that it is for is the prepared module.
  queue_.Push(MakeRun(Assignment::PLAN, run, bundle));
  queue_.WaitFor(run, [](const RecordedRun& recorded) {
    return (!recorded.events.empty() && recorded.events.back().step_started() == "plan") ||
           recorded.completion.has_value();
  });
  queue_.Cancel(run, /*kill=*/true);
  queue_.WaitCompleted(run);
  int misread = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(Path("work/prepared"))) {
    if (entry.path().filename() != ".stackyard-inspect.json") continue;
    nlohmann::json report = nlohmann::json::parse(*ReadFile(entry.path().string()));
    report["provider_configs"] = nlohmann::json::array();
    ASSERT_TRUE(WriteFile(entry.path().string(), report.dump()).ok());
    ++misread;
  }
  ASSERT_EQ(misread, 1);

  const std::string again = "projects/p/stacks/s/runs/2";
  const auto planned = Do(MakeRun(Assignment::PLAN, again, bundle));
  ASSERT_EQ(planned.status().code(), 0) << planned.status().message();
  EXPECT_EQ(planned.plan().plan().to_create(), 2);
  EXPECT_EQ(planned.diagnostics_size(), 0) << "those of the first attempt count for nothing";
  EXPECT_THAT(Notices(again), HasSubstr("The plan is made again, with providers started the plain "
                                        "way: the provider is configured in two ways."));

  Assignment apply = MakeRun(Assignment::APPLY, "projects/p/stacks/s/runs/3", bundle);
  apply.set_plan_digest(planned.plan().plan().digest());
  const auto applied = Do(apply);
  EXPECT_EQ(ReasonName(applied.status()), "RUN_FAILED");
  EXPECT_THAT(applied.status().message(), HasSubstr("configured in two ways"));
  EXPECT_THAT(emulator_->Buckets(), Not(testing::Contains("there")));
  EXPECT_THAT(there.Buckets(), Not(testing::Contains("here")));
}

TEST_F(AwsProviderTest, ProjectsNeverMeet) {
  const AwsEmulator other;
  options_.slots = 4;
  StartRunner();
  const std::string bundle = JsonObject();
  struct Side {
    std::string project;
    const AwsEmulator& emulator;
  };
  const std::vector<Side> sides = {{"alpha", *emulator_}, {"beta", other}};
  const auto make = [&](Assignment::Work work, const Side& side, int round,
                        const std::string& step) {
    Assignment assignment =
        Make(work, absl::StrCat("projects/", side.project, "/stacks/s", round, "/runs/", step),
             bundle, absl::StrCat(R"({"name": ")", side.project, R"(", "content": 1})"));
    assignment.set_inject_stack_uid(true);
    assignment.set_stack_uid(absl::StrCat("uid", round));
    Lead(assignment, side.emulator, side.project);
    return assignment;
  };
  // Of both projects at once, over and over.
  constexpr int kRounds = 4;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<Assignment> plans;
    for (const Side& side : sides) plans.push_back(make(Assignment::PLAN, side, round, "plan"));
    for (const Assignment& plan : plans) queue_.Push(plan);
    std::vector<Assignment> applies;
    for (size_t i = 0; i < sides.size(); ++i) {
      const auto planned = queue_.WaitCompleted(plans[i].lease().run());
      ASSERT_EQ(planned.status().code(), 0) << planned.status().message();
      applies.push_back(make(Assignment::APPLY, sides[i], round, "apply"));
      applies.back().set_plan_digest(planned.plan().plan().digest());
    }
    for (const Assignment& apply : applies) queue_.Push(apply);
    for (const Assignment& apply : applies) {
      const auto applied = queue_.WaitCompleted(apply.lease().run());
      ASSERT_EQ(applied.status().code(), 0) << applied.status().message();
    }
  }
  for (const Side& side : sides) {
    const std::vector<std::string> buckets = side.emulator.Buckets();
    EXPECT_EQ(buckets.size(), static_cast<size_t>(kRounds));
    EXPECT_THAT(buckets, testing::Each(testing::StartsWith(side.project + "-")));
  }
}

class SlowAwsProviderTest : public AwsProviderTest {
 protected:
  // Begins an apply whose bucket never comes to be.
  void BeginApply() {
    bundle_ = JsonObject();
    Assignment plan = MakeJsonObject(Assignment::PLAN, "projects/p/stacks/s/runs/1", bundle_);
    Point(plan, "AWS_ENDPOINT_URL_S3");
    const auto planned = Do(plan);
    ASSERT_EQ(planned.status().code(), 0) << planned.status().message();
    Assignment apply = MakeJsonObject(Assignment::APPLY, kApply, bundle_);
    Point(apply, "AWS_ENDPOINT_URL_S3");
    apply.set_plan_digest(planned.plan().plan().digest());
    queue_.Push(apply);
    server_.WaitConnected();
  }
  void Point(Assignment& assignment, const std::string& name) {
    auto& variables = *assignment.mutable_credentials(0)->mutable_static_()->mutable_variables();
    variables[name] = server_.url();
  }

  static constexpr char kApply[] = "projects/p/stacks/s/runs/2";
  SilentServer server_;
  std::string bundle_;
};

TEST_F(SlowAwsProviderTest, CancelReachesTheProvider) {
  StartRunner();
  BeginApply();
  const absl::Time start = absl::Now();
  queue_.Cancel(kApply, /*kill=*/false);
  const auto completion = queue_.WaitCompleted(kApply);
  EXPECT_EQ(ReasonName(completion.status()), "RUN_CANCELLED");
  // Without `Stop` the call would go on until the provider gives up, minutes later.
  EXPECT_LT(absl::Now() - start, absl::Seconds(20));
  EXPECT_THAT(queue_.Recorded(kApply).log, HasSubstr("Interrupt received"));
  // What was stopped in the middle is not used again; one that waits for its first run may be
  // there.
  const std::vector<pid_t> processes = ProviderProcesses();
  EXPECT_LE(processes.size(), 1U);
}

TEST_F(SlowAwsProviderTest, ALostProviderFailsTheApplyTruly) {
  StartRunner();
  BeginApply();
  KillProviders();
  const auto completion = queue_.WaitCompleted(kApply);
  EXPECT_EQ(ReasonName(completion.status()), "RUN_FAILED");
  EXPECT_THAT(completion.status().message(), HasSubstr("Plugin did not respond"));
  EXPECT_EQ(MetadataOf(completion.status(), "step"), "apply");
  // Nothing was begun a second time.
  EXPECT_THAT(Notices(kApply), Not(HasSubstr("again")));

  // The next run has a process of its own, and is well.
  const auto planned = Do(MakeJsonObject(Assignment::PLAN, "projects/p/stacks/s/runs/3", bundle_));
  EXPECT_EQ(planned.status().code(), 0) << planned.status().message();
  EXPECT_EQ(Notices("projects/p/stacks/s/runs/3"), "");
}

TEST_F(SlowAwsProviderTest, APlanWhoseProviderIsLostIsMadeAgain) {
  StartRunner();
  Assignment plan = MakeJsonObject(Assignment::PLAN, "projects/p/stacks/s/runs/1", JsonObject());
  Point(plan, "AWS_ENDPOINT_URL_STS");
  queue_.Push(plan);
  server_.WaitConnected();
  KillProviders();
  queue_.WaitFor("projects/p/stacks/s/runs/1", [](const RecordedRun& run) {
    for (const v1::RunEvent& event : run.events) {
      if (absl::StrContains(event.notice(), "The plan is made again")) return true;
    }
    return run.completion.has_value();
  });
  EXPECT_THAT(Notices("projects/p/stacks/s/runs/1"), HasSubstr("The plan is made again"));
  queue_.Cancel("projects/p/stacks/s/runs/1", /*kill=*/true);
  EXPECT_EQ(ReasonName(queue_.WaitCompleted("projects/p/stacks/s/runs/1").status()),
            "RUN_CANCELLED");
}

// Entries of a map of a message, by their keys.
std::map<std::string, std::string> Entries(const std::string& message, int number) {
  std::map<std::string, std::string> entries;
  EXPECT_TRUE(ForEachField(message, [&](const WireField& field) {
                if (field.number != number) return absl::OkStatus();
                return ForEachField(field.bytes, [&](const WireField& part) {
                  if (part.number == 1) entries[std::string(part.bytes)] = std::string(field.bytes);
                  return absl::OkStatus();
                });
              }).ok());
  return entries;
}

TEST(AwsSchemaTest, WhatIsKeptIsAsTheProviderSaidIt) {
  if (AwsMirror().empty()) GTEST_SKIP() << AwsEmulator::Missing();
  const TempFolder folder;
  ProviderStart start;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(
           AwsMirror() + "/registry.terraform.io/hashicorp/aws")) {
    if (absl::StartsWith(entry.path().filename().string(), "terraform-provider-aws")) {
      start.program = entry.path().string();
    }
  }
  start.folder = start.tmp = folder.path();
  const auto process = ProviderProcess::Start(start, absl::Seconds(60));
  ASSERT_TRUE(process.ok()) << process.status();
  const auto schema = AskSchema(**process, absl::Seconds(60));
  ASSERT_TRUE(schema.ok()) << schema.status();
  const ProviderTypes types{{"aws_s3_bucket", "aws_s3_object", "no_such_type"},
                            {"aws_region"},
                            {"aws_secretsmanager_secret_version"}};
  const auto pruned = PruneSchemas(schema->schemas, types);
  ASSERT_TRUE(pruned.ok()) << pruned.status();
  EXPECT_GT(schema->schemas.size(), 50 * pruned->size());
  // Fields of GetProviderSchema.Response: managed, data and ephemeral types, functions.
  for (const auto& [field, kept] :
       std::map<int, size_t>{{2, 2}, {3, 1}, {8, 1}, {7, Entries(schema->schemas, 7).size()}}) {
    const auto all = Entries(schema->schemas, field);
    const auto some = Entries(*pruned, field);
    EXPECT_EQ(some.size(), kept) << field;
    for (const auto& [type, entry] : some) {
      EXPECT_TRUE(all.at(type) == entry) << type << " is told in another way";
    }
  }
  // Provider, its meta, and capabilities stay as they were.
  const auto rest = [](const std::string& message) {
    std::string bytes;
    EXPECT_TRUE(ForEachField(message, [&bytes](const WireField& field) {
                  if (field.number == 1 || field.number == 5 || field.number == 6) {
                    bytes.append(field.raw);
                  }
                  return absl::OkStatus();
                }).ok());
    return bytes;
  };
  EXPECT_TRUE(rest(*pruned) == rest(schema->schemas));
  EXPECT_FALSE(*MustAskSchemas(*pruned));
}

}  // namespace
}  // namespace stackyard::runner
