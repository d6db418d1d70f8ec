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
  const absl::Status status = Complete(options);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  const std::string message(status.message());
  for (const char* part :
       {"--stacks-target", "--work-dir", "--slots=-1", "--terraform=/nonexistent",
        "--inspect=/nonexistent", "--provider-mirror=/nonexistent", "--pass-env",
        "--memory-limit=lots", "--heartbeat-interval"}) {
    EXPECT_THAT(message, HasSubstr(part));
  }
  EXPECT_EQ(message.find('\n'), std::string::npos);
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
