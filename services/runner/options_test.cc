#include "services/runner/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "services/runner/testing/files.h"

namespace stackyard::runner {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

// Options that are good, with `sh` in place of the programs.
ProgramOptions Good() {
  ProgramOptions options;
  options.work_dir = "/tmp/w";
  options.terraform = "/bin/sh";
  options.inspect = "/bin/sh";
  return options;
}

TEST(OptionsTest, FillsInWhatIsOpen) {
  ProgramOptions options = Good();
  options.work_dir.clear();
  options.data = "/var/runner";
  ASSERT_TRUE(Complete(options).ok()) << Complete(options);
  EXPECT_EQ(options.work_dir, "/var/runner/work");
  EXPECT_GE(options.slots, 4);
  EXPECT_EQ(options.provider_pool_max, 2 * options.slots);
  options.provider_pool_max = 0;
  ASSERT_TRUE(Complete(options).ok());
  EXPECT_EQ(options.provider_pool_max, 0) << "switched off";
}

TEST(OptionsTest, NamesEveryFaultOnOneLine) {
  ProgramOptions options = Good();
  options.stacks_target.clear();
  options.work_dir.clear();
  options.slots = -1;
  options.terraform = "/nonexistent/terraform";
  options.inspect = "/nonexistent/inspect";
  options.provider_mirror = "/nonexistent/mirror";
  options.pass_env = "PATH";
  options.memory_limit = "lots";
  options.heartbeat_interval = absl::ZeroDuration();
  options.provider_pool_min = -1;
  options.provider_pool_max = 5000;
  options.provider_keep = absl::Seconds(-1);
  options.allow_without = {"sandbox", "walls"};
  options.sandbox_paths = {"relative", "/nonexistent/path:rw"};
  options.slot_uids = 10;
  options.run_memory = "1MiB";
  options.run_memory_max = "much";
  options.run_cpus = "0";
  options.run_processes = 3;
  options.run_file_size = "1KiB";
  options.plan_timeout = absl::ZeroDuration();
  const absl::Status status = Complete(options);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  const std::string message(status.message());
  for (const char* part : {"--stacks-target",
                           "--work-dir",
                           "--slots=-1",
                           "--terraform=/nonexistent",
                           "--inspect=/nonexistent",
                           "--provider-mirror=/nonexistent",
                           "--pass-env",
                           "--memory-limit=lots",
                           "--heartbeat-interval",
                           "--provider-pool-min=-1",
                           "--provider-pool-max=5000",
                           "--provider-keep",
                           "--allow-without: walls is none of",
                           "--sandbox-paths: relative",
                           "--sandbox-paths: /nonexistent/path is not",
                           "--slot-uids=10",
                           "--run-memory=1MiB",
                           "--run-memory-max: much",
                           "--run-cpus: 0",
                           "--run-processes=3",
                           "--run-file-size=1KiB",
                           "--plan-timeout"}) {
    EXPECT_THAT(message, HasSubstr(part));
  }
  EXPECT_EQ(message.find('\n'), std::string::npos);
}

TEST(OptionsTest, RunsSeeTheProgramsTheMirrorAndWhatIsNamed) {
  ProgramOptions options = Good();
  options.terraform = "/usr/bin/terraform";
  options.inspect = "/opt/inspect";
  options.provider_mirror = "/opt/mirror";
  options.sandbox_paths = {"/a", "/b:rw"};
  std::vector<std::string> paths;
  for (const Bind& bind : SandboxPaths(options, "/w/terraform.rc")) {
    paths.push_back(bind.path + (bind.writable ? " rw" : ""));
  }
  EXPECT_THAT(
      paths, testing::ElementsAre("/opt/inspect", "/opt/mirror", "/w/terraform.rc", "/a", "/b rw"));
}

TEST(OptionsTest, PassesOnlyWhatIsNamedAndSet) {
  setenv("RUNNER_TEST_A", "1", 1);
  setenv("RUNNER_TEST_B", "2", 1);
  unsetenv("RUNNER_TEST_C");
  EXPECT_THAT(*PassedEnvironment(" RUNNER_TEST_A,,RUNNER_TEST_C "),
              UnorderedElementsAre(Pair("RUNNER_TEST_A", "1")));
  EXPECT_TRUE(PassedEnvironment("")->empty());
  for (const char* bad :
       {"PATH", "HOME", "TF_CLI_CONFIG_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "A=B", "1A"}) {
    EXPECT_FALSE(PassedEnvironment(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace stackyard::runner
