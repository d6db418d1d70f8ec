// What modules try that are not meant well, and what comes of it. With the real terraform in the
// real sandbox.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "common/proto_time.h"
#include "services/runner/file.h"
#include "services/runner/testing/runner_fixture.h"

namespace stackyard::runner {
namespace {

using internal::v1::Assignment;
using testing::HasSubstr;
using testing::Not;

constexpr char kPlanRun[] = "projects/p/stacks/s/runs/1";
constexpr char kRun[] = "projects/p/stacks/s/runs/2";

class ConfinedTest : public RunnerFixture {
 protected:
  void SetUp() override {
    if (Lacks(kSandboxFeature)) GTEST_SKIP() << "no sandbox can be made here";
    // What is started ahead takes users of its own, and these tests count them.
    options_.standby = 0;
  }
  // A module whose apply runs a script.
  std::string ModuleOf(const std::string& script) {
    // In a heredoc, so that quotes stand for themselves; `${` begins a template.
    return absl::StrCat("resource \"terraform_data\" \"x\" {\n  provisioner \"local-exec\" {\n",
                        "    command = <<-EOT\n", absl::StrReplaceAll(script, {{"${", "$${"}}),
                        "\n    EOT\n  }\n}\n");
  }
  // Plans and applies it.
  internal::v1::CompleteRunRequest Apply(const std::string& module,
                                         const v1::RunLimits& limits = {},
                                         bool network_disabled = false) {
    const std::string bundle = queue_.AddBlob(MakeBundle({{"main.tf", module}}));
    const auto plan = Plan(kPlanRun, bundle);
    Assignment apply = ApplyOf(plan, kRun, bundle);
    *apply.mutable_limits() = limits;
    apply.set_network_disabled(network_disabled);
    return Do(apply);
  }
  std::string Log() { return queue_.Recorded(kRun).log; }
  bool IsLocked(const std::string& path) {
    const Fd lock(open(path.c_str(), O_RDWR | O_CLOEXEC));
    EXPECT_TRUE(lock.ok()) << path;
    return flock(lock.get(), LOCK_EX | LOCK_NB) != 0;
  }
};

TEST_F(ConfinedTest, ARunSeesNothingOfOthersNorOfTheRunner) {
  ASSERT_TRUE(WriteFile(Path("secret"), "secret-of-the-runner", 0644).ok());
  setenv("STACKYARD_TEST_SECRET", "secret-of-the-environment", 1);
  StartRunner();
  // Another run waits meanwhile, with a parameter of its own.
  const std::string other = queue_.AddBlob(
      MakeBundle({{"main.tf", "variable \"v\" { type = string }\n" + Gated("other", "gate")}}));
  const std::string parameters = R"({"v": "secret-of-the-other"})";
  queue_.Push(ApplyOf(Plan("r/1", other, parameters), "r/2", other, parameters));
  queue_.WaitFor(
      "r/2", [](const RecordedRun& run) { return run.log.find("42 waits") != std::string::npos; });
  std::string others;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(Path("work/runs"))) {
    if (entry.path().filename() == "stackyard.auto.tfvars.json") others = entry.path().string();
  }
  ASSERT_THAT(*ReadFile(others), HasSubstr("secret-of-the-other"));

  const auto done = Apply(ModuleOf(absl::StrCat(
      "cat ", others, " ", Path("secret"), " /etc/shadow /proc/", getpid(), "/environ; ",
      "cat /proc/[0-9]*/environ | tr '\\0' '\\n'; env; find / -xdev -name '*tfvars*' 2>/dev/null; ",
      "find ", Path("work"), "; echo x >/usr/x; echo x >", Path("x"), "; kill -9 ", getpid(),
      "; echo done as $(id -u)")));
  unsetenv("STACKYARD_TEST_SECRET");
  EXPECT_EQ(done.status().code(), 0) << done.status().message();
  for (const char* secret : {"secret-of", "root:"}) EXPECT_THAT(Log(), Not(HasSubstr(secret)));
  EXPECT_THAT(Log(), HasSubstr(absl::StrCat(others, ": No such file or directory")));
  EXPECT_THAT(Log(), HasSubstr("No such process"));
  EXPECT_FALSE(std::filesystem::exists("/usr/x"));
  EXPECT_FALSE(std::filesystem::exists(Path("x")));
  if (getuid() == 0) {
    // One of the users for runs: the run that waits has another of them.
    EXPECT_THAT(Log(), HasSubstr("done as 70000"));
  }
  Open("gate");
  EXPECT_EQ(queue_.WaitCompleted("r/2").status().code(), 0);
}

TEST_F(ConfinedTest, FunctionsReadNothingOutside) {
  ASSERT_TRUE(WriteFile(Path("secret"), "secret-of-the-runner", 0644).ok());
  StartRunner();
  for (const std::string& path : {Path("secret"), absl::StrCat("/proc/", getpid(), "/environ")}) {
    const std::string bundle = queue_.AddBlob(
        MakeBundle({{"main.tf", absl::StrCat("output \"x\" { value = file(\"", path, "\") }\n")}}));
    const auto planned = Do(Make(Assignment::PLAN, absl::StrCat("r/", path.size()), bundle));
    EXPECT_EQ(ReasonName(planned.status()), "RUN_FAILED") << path;
  }
}

TEST_F(ConfinedTest, ALinkInThePlaceOfTheStateIsNotFollowed) {
  ASSERT_TRUE(WriteFile(Path("secret"), R"({"version":4,"serial":99,"lineage":"x"})").ok());
  StartRunner();
  Apply(ModuleOf(absl::StrCat("rm -f terraform.tfstate; ln -s ", Path("secret"),
                              " terraform.tfstate; kill -9 $PPID")));
  for (const std::string& state : queue_.Recorded(kRun).states) {
    EXPECT_THAT(state, Not(HasSubstr("99")));
  }
}

TEST_F(ConfinedTest, TheNetworkIsOffWhenTheTemplateSaysSo) {
  const Fd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(listener.get(), 4), 0);
  ASSERT_EQ(getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::string module = ModuleOf(
      absl::StrCat("exec bash -c 'exec 3<>/dev/tcp/127.0.0.1/", ntohs(address.sin_port), "'"));
  StartRunner();
  EXPECT_EQ(ReasonName(Apply(module, {}, /*network_disabled=*/true).status()), "RUN_FAILED");
  pollfd came{listener.get(), POLLIN, 0};
  EXPECT_EQ(poll(&came, 1, 0), 0);
  // And on else.
  const std::string bundle = queue_.AddBlob(MakeBundle({{"main.tf", module}}));
  EXPECT_EQ(Do(ApplyOf(Plan("r/3", bundle), "r/4", bundle)).status().code(), 0);
  EXPECT_EQ(poll(&came, 1, 0), 1);
}

TEST_F(ConfinedTest, WhoEatsMemoryIsToldSo) {
  if (Lacks(kMemoryFeature)) GTEST_SKIP() << "no control groups here";
  StartRunner();
  v1::RunLimits limits;
  limits.set_memory_mib(200);
  const auto done =
      Apply(ModuleOf("exec bash -c 'set -o pipefail; head -c 1G /dev/zero | tail'"), limits);
  EXPECT_EQ(ReasonName(done.status()), "RUN_FAILED");
  EXPECT_THAT(done.status().message(), HasSubstr("went over its 200 MiB of memory"));
  // Terraform itself lived, and saved what there is.
  EXPECT_THAT(queue_.Recorded(kRun).states.back(), HasSubstr("tainted"));
}

TEST_F(ConfinedTest, AForkBombIsBounded) {
  if (Lacks(kProcessFeature)) GTEST_SKIP() << "no control groups here";
  StartRunner();
  v1::RunLimits limits;
  limits.set_processes(64);
  const auto done =
      Apply(ModuleOf("i=0; while [ $i -lt 200 ]; do sleep 2 & i=$((i+1)); done"), limits);
  EXPECT_EQ(ReasonName(done.status()), "RUN_FAILED");
  EXPECT_THAT(done.status().message(), HasSubstr("went over its 64 processes"));
}

TEST_F(ConfinedTest, NothingOutlivesTheRun) {
  StartRunner();
  const std::string lock = LockOf("daemon");
  const auto done =
      Apply(ModuleOf(absl::StrCat("(setsid sh -c 'exec 9>", lock, "; flock 9; touch ", lock,
                                  ".held; sleep 1000' >/dev/null 2>&1 </dev/null &); while [ ! -e ",
                                  lock, ".held ]; do sleep 0.01; done")));
  EXPECT_EQ(done.status().code(), 0) << done.status().message();
  EXPECT_FALSE(IsLocked(lock));
}

TEST_F(ConfinedTest, WhoIgnoresTheInterruptIsKilledAtTheStepsLimit) {
  StartRunner();
  v1::RunLimits limits;
  *limits.mutable_apply_timeout() = ToProto(absl::Seconds(1));
  const auto done = Apply(Gated("x", "gate"), limits);
  EXPECT_EQ(ReasonName(done.status()), "RUN_FAILED");
  EXPECT_THAT(done.status().message(), HasSubstr("the step apply took longer than the 1 s"));
  EXPECT_FALSE(IsLocked(LockOf("gate")));
}

TEST_F(ConfinedTest, ARunnerGivesNoMoreThanItsMost) {
  options_.run_memory_max = "128MiB";
  StartRunner();
  v1::RunLimits limits;
  limits.set_memory_mib(4096);
  const auto done = Apply(ModuleOf("true"), limits);
  EXPECT_EQ(done.status().code(), 0) << done.status().message();
  std::string notices;
  for (const v1::RunEvent& event : queue_.Recorded(kRun).events) notices += event.notice();
  EXPECT_THAT(notices, HasSubstr("asks for 4096 MiB of memory; this runner gives at most 128"));
}

TEST_F(ConfinedTest, WhatThePolicyForbidsIsNeitherPublishedNorPlanned) {
  StartRunner();
  const std::string bundle = queue_.AddBlob(MakeBundle({{"main.tf", ModuleOf("true")}}));
  Assignment inspect = Make(Assignment::INSPECT, "templates/t/versions/1", bundle);
  EXPECT_EQ(Do(inspect).status().code(), 0);
  EXPECT_EQ(Do(Make(Assignment::PLAN, kPlanRun, bundle)).status().code(), 0);
  // It became stricter.
  inspect.mutable_lease()->set_run("templates/t/versions/2");
  inspect.mutable_policy()->clear_provisioners();
  const auto refused = Do(inspect);
  EXPECT_EQ(ReasonName(refused.status()), "MODULE_INVALID");
  EXPECT_THAT(refused.status().message(), HasSubstr("main.tf:2: "));
  EXPECT_THAT(refused.status().message(), HasSubstr("provisioner local-exec"));
  Assignment plan = Make(Assignment::PLAN, "r/3", bundle);
  plan.mutable_policy()->clear_provisioners();
  const auto unplanned = Do(plan);
  EXPECT_EQ(ReasonName(unplanned.status()), "MODULE_INVALID") << unplanned.status().message();
  ASSERT_EQ(unplanned.diagnostics_size(), 1);
  EXPECT_EQ(unplanned.diagnostics(0).file(), "main.tf");
  // What stands can go.
  Assignment destroy = Make(Assignment::DESTROY, "r/4", bundle);
  destroy.mutable_policy()->clear_provisioners();
  destroy.set_state(
      R"({"version":4,"terraform_version":"1.6.0","serial":1,"lineage":"x","outputs":{},"resources":[{"mode":"managed","type":"terraform_data","name":"x","provider":"provider[\"terraform.io/builtin/terraform\"]","instances":[{"schema_version":0,"attributes":{"id":"1","input":null,"output":null,"triggers_replace":null}}]}]})");
  EXPECT_EQ(Do(destroy).status().code(), 0);
}

TEST_F(ConfinedTest, ARunnerThatCannotConfineSaysWhatIsMissing) {
  options_.bwrap = "/nonexistent/bwrap";
  options_.stacks_target = queue_.target();
  options_.work_dir = Path("work");
  options_.inspect = "/bin/true";
  ASSERT_TRUE(Complete(options_).ok());
  const auto refused = Program::Start(options_);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.status().message()),
              HasSubstr("no sandbox: bubblewrap is not there: /nonexistent/bwrap"));
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("--allow-without=sandbox"));
  EXPECT_EQ(*Program::Preflight(options_), 3);
  options_.allow_without = {"sandbox"};
  StartRunner();
  EXPECT_EQ(Apply(ModuleOf("true")).status().code(), 0);
}

}  // namespace
}  // namespace stackyard::runner
