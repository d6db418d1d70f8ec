#include "services/runner/state_watcher.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/channel.h"
#include "services/runner/testing/fake_queue.h"
#include "services/runner/testing/files.h"

namespace stackyard::runner {
namespace {

using testing::ElementsAre;

constexpr char kRun[] = "r/1";

std::string State(int serial) {
  return absl::StrCat("{\"version\":4,\"serial\":", serial, ",\"resources\":[{}]}");
}

class StateWatcherTest : public testing::Test {
 protected:
  StateWatcherTest()
      : queue_("unix:" + folder_.path() + "/queue.sock"), client_(Connect(queue_.target()), "me") {
    lease_.set_run(kRun);
    lease_.set_generation(1);
    std::filesystem::create_directories(folder_.path() + "/run");
    file_.open(folder_.path() + "/run/terraform.tfstate");
  }

  std::unique_ptr<StateWatcher> Watch(int64_t serial = 0) {
    auto watcher =
        std::make_unique<StateWatcher>(client_, lease_, folder_.path() + "/run", serial, control_);
    EXPECT_TRUE(watcher->Start().ok());
    return watcher;
  }

  // As Terraform does: in place, the file stays open.
  void Write(const std::string& text) {
    const std::string path = folder_.path() + "/run/terraform.tfstate";
    ASSERT_EQ(truncate(path.c_str(), 0), 0);
    file_.seekp(0);
    file_ << text << std::flush;
  }

  std::vector<std::string> Saved() { return queue_.Recorded(kRun).states; }
  void WaitSaved(size_t count) {
    queue_.WaitFor(kRun, [count](const RecordedRun& run) { return run.states.size() >= count; });
  }

  TempFolder folder_;
  FakeQueue queue_;
  QueueClient client_;
  internal::v1::Lease lease_;
  RunControl control_;
  std::ofstream file_;
};

TEST_F(StateWatcherTest, SendsSnapshotsAsTheyCome) {
  const auto watcher = Watch();
  Write(State(1));
  WaitSaved(1);
  Write(State(2));
  WaitSaved(2);
  EXPECT_TRUE(watcher->Finish().ok());
  EXPECT_THAT(Saved(), ElementsAre(State(1), State(2)));
  EXPECT_EQ(watcher->serial(), 2);
}

TEST_F(StateWatcherTest, HalfASnapshotIsNotSent) {
  const auto watcher = Watch();
  Write("{\"version\":4,\"serial\":1,");
  Write(State(2));
  WaitSaved(1);
  EXPECT_THAT(Saved(), ElementsAre(State(2)));
}

TEST_F(StateWatcherTest, WhatWasSentIsNotSentAgain) {
  const auto watcher = Watch(/*serial=*/5);
  Write(State(5));
  Write(State(4));
  EXPECT_TRUE(watcher->Finish().ok());
  EXPECT_TRUE(Saved().empty());
  EXPECT_EQ(watcher->serial(), 5);
}

TEST_F(StateWatcherTest, FinishSendsTheLastOne) {
  queue_.StopServing();
  const auto watcher = Watch();
  for (int serial = 1; serial <= 50; ++serial) Write(State(serial));
  queue_.Serve();
  EXPECT_TRUE(watcher->Finish().ok());
  EXPECT_EQ(Saved().back(), State(50));
  EXPECT_EQ(watcher->serial(), 50);
  EXPECT_LT(Saved().size(), 50U) << "those in between are skipped";
}

TEST_F(StateWatcherTest, ABrokenLastSnapshotIsAnError) {
  const auto watcher = Watch();
  Write("{\"version\":4,");
  EXPECT_FALSE(watcher->Finish().ok());
}

TEST_F(StateWatcherTest, AStateThatTerraformCouldNotWriteIsSentAtTheEnd) {
  const auto watcher = Watch();
  Write(State(1));
  WaitSaved(1);
  // The disk was full.
  Write("{\"version\":4,");
  std::ofstream(folder_.path() + "/run/errored.tfstate") << State(3);
  EXPECT_TRUE(watcher->Finish().ok());
  EXPECT_THAT(Saved(), ElementsAre(State(1), State(3)));
  EXPECT_EQ(watcher->serial(), 3);
}

TEST_F(StateWatcherTest, AnOldGenerationAbandonsTheRun) {
  queue_.Steal(kRun, /*tell_by_heartbeat=*/false);
  const auto watcher = Watch();
  Write(State(1));
  EXPECT_TRUE(control_.WaitAbandoned(absl::Minutes(1)));
  EXPECT_FALSE(watcher->Finish().ok());
  EXPECT_EQ(watcher->serial(), 0);
}

TEST(StateTest, SerialAndEmptiness) {
  EXPECT_EQ(StateSerial(State(7)), 7);
  EXPECT_EQ(StateSerial(""), 0);
  EXPECT_EQ(StateSerial("[]"), 0);
  EXPECT_EQ(StateSerial("{\"serial\":\"x\"}"), 0);
  EXPECT_TRUE(IsEmptyState(""));
  EXPECT_TRUE(IsEmptyState(R"({"version":4,"serial":3,"outputs":{},"resources":[]})"));
  EXPECT_FALSE(IsEmptyState(State(1)));
  EXPECT_FALSE(IsEmptyState(R"({"outputs":{"a":{}},"resources":[]})"));
  EXPECT_FALSE(IsEmptyState("broken"));
}

}  // namespace
}  // namespace stackyard::runner
