#include "services/runner/provider_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/match.h"
#include "common/poll_until.h"
#include "services/runner/file.h"
#include "services/runner/testing/fake_provider.h"
#include "services/runner/testing/files.h"

namespace stackyard::runner {
namespace {

using testing::HasSubstr;
using testing::Not;

class ProviderProcessTest : public testing::Test {
 protected:
  ProviderProcessTest() {
    start_.program = FakeProvider().path;
    start_.folder = folder_.path() + "/here";
    start_.tmp = folder_.path() + "/tmp";
    EXPECT_TRUE(MakeFolder(start_.folder).ok());
    EXPECT_TRUE(MakeFolder(start_.tmp).ok());
  }
  absl::StatusOr<std::unique_ptr<ProviderProcess>> Start(
      absl::Duration patience = absl::Seconds(20)) {
    return ProviderProcess::Start(start_, patience);
  }

  TempFolder folder_;
  ProviderStart start_;
};

TEST_F(ProviderProcessTest, StartsWithNothingOfTheRunners) {
  setenv("STACKYARD_SECRET", "x", 1);
  start_.environment = {{"AWS_REGION", "here"}};
  ASSERT_TRUE(WriteFile(start_.folder + "/a-file", "").ok());
  const auto process = Start();
  unsetenv("STACKYARD_SECRET");
  ASSERT_TRUE(process.ok()) << process.status();
  EXPECT_EQ((*process)->protocol(), 5);
  EXPECT_TRUE((*process)->alive());
  EXPECT_EQ(AskFake(**process, "Echo", "hello"), "hello");
  const std::string environment = AskFake(**process, "Environment");
  EXPECT_THAT(environment, Not(HasSubstr("STACKYARD_SECRET")));
  EXPECT_THAT(environment, HasSubstr("AWS_REGION=here\n"));
  EXPECT_THAT(environment, HasSubstr("HOME=" + start_.tmp + "\n"));
  EXPECT_THAT(environment, HasSubstr("TMPDIR=" + start_.tmp + "\n"));
  EXPECT_THAT(environment, HasSubstr("TF_LOG_SDK_PROTO=off\n"));
  EXPECT_EQ(AskFake(**process, "Folder"), "a-file\n");
}

TEST_F(ProviderProcessTest, EndsWithTheObject) {
  auto process = Start();
  ASSERT_TRUE(process.ok()) << process.status();
  const auto channel = (*process)->channel();
  process->reset();
  // Its socket is still there, and nobody behind it: the channel, which hears of the end when its
  // own thread gets to it, finds nobody when it connects anew.
  EXPECT_FALSE(std::filesystem::is_empty(start_.tmp));
  EXPECT_TRUE(PollUntil(
      [&] { return channel->GetState(/*try_to_connect=*/true) == GRPC_CHANNEL_TRANSIENT_FAILURE; },
      absl::Seconds(20)));
}

TEST_F(ProviderProcessTest, TellsThatItCrashedAndWhy) {
  const auto process = Start();
  ASSERT_TRUE(process.ok()) << process.status();
  EXPECT_EQ(AskFake(**process, "Crash"), "");
  EXPECT_TRUE(PollUntil([&] { return !(*process)->alive(); }, absl::Seconds(20)));
  EXPECT_EQ((*process)->last_words(), "panic: the fake provider crashes\n");
}

TEST_F(ProviderProcessTest, ReadsWhatNobodyAskedFor) {
  start_.environment = {{"FAKE_PROVIDER", "chatty"}};
  const auto process = Start();
  ASSERT_TRUE(process.ok()) << process.status();
  EXPECT_EQ(AskFake(**process, "Echo", "hello"), "hello");
}

TEST_F(ProviderProcessTest, RefusesWhatIsNoPluginOfOurs) {
  start_.environment = {{"FAKE_PROVIDER", "old"}};
  EXPECT_EQ(Start().status().code(), absl::StatusCode::kFailedPrecondition);
  start_.environment = {{"FAKE_PROVIDER", "dead"}};
  const auto dead = Start();
  EXPECT_EQ(dead.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(dead.status().message()), HasSubstr("This binary is a plugin"));
  start_.environment = {{"FAKE_PROVIDER", "silent"}};
  EXPECT_EQ(Start(absl::Milliseconds(300)).status().code(), absl::StatusCode::kDeadlineExceeded);
  start_.program = "/nowhere/provider";
  EXPECT_EQ(Start().status().code(), absl::StatusCode::kInternal);
}

TEST(PluginHandshakeTest, IsRead) {
  const auto local = ParseHandshake("1|6|unix|/tmp/plugin1|grpc|");
  ASSERT_TRUE(local.ok()) << local.status();
  EXPECT_EQ(local->protocol, 6);
  EXPECT_EQ(local->target, "unix:/tmp/plugin1");
  EXPECT_EQ(ParseHandshake("1|5|tcp|127.0.0.1:1234|grpc\r")->target, "127.0.0.1:1234");
  for (const char* line :
       {"", "hello", "1|5|unix|/x|netrpc|", "2|5|unix|/x|grpc|", "1|4|unix|/x|grpc|",
        "1|7|unix|/x|grpc|", "1|x|unix|/x|grpc|", "1|5|pipe|/x|grpc|"}) {
    EXPECT_FALSE(ParseHandshake(line).ok()) << line;
  }
}

}  // namespace
}  // namespace stackyard::runner
