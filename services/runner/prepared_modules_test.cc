#include "services/runner/prepared_modules.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <list>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/work.h"
#include "services/runner/file.h"
#include "services/runner/testing/files.h"

namespace stackyard::runner {
namespace {

using testing::ElementsAre;
namespace fs = std::filesystem;

class PreparedModulesTest : public testing::Test {
 protected:
  PreparedModulesTest() { fs::create_directories(Root()); }

  std::string Root() const { return folder_.path() + "/prepared/key"; }
  // Builds a module with one file.
  absl::StatusOr<std::string> Build(const std::string& content) {
    const std::string draft = absl::StrCat(folder_.path(), "/draft", ++builds_);
    fs::create_directories(draft);
    EXPECT_TRUE(WriteFile(draft + "/main.tf", content).ok());
    return draft;
  }

  TempFolder folder_;
  RunControl control_;
  std::atomic<int> builds_{0};
};

TEST_F(PreparedModulesTest, BuildsOnceAndFindsItAgain) {
  PreparedModules modules(folder_.path() + "/prepared", "key");
  const auto first = modules.Get("d1", control_, [this] { return Build("one"); });
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(*ReadFile(*first + "/main.tf"), "one");
  const auto second = modules.Get("d1", control_, [this] { return Build("two"); });
  EXPECT_EQ(*second, *first);
  EXPECT_EQ(builds_, 1);
  // Another process finds it too.
  PreparedModules other(folder_.path() + "/prepared", "key");
  EXPECT_TRUE(other.Get("d1", control_, [this] { return Build("three"); }).ok());
  EXPECT_EQ(builds_, 1);
  EXPECT_THAT(other.Recent(), ElementsAre("d1"));
}

TEST_F(PreparedModulesTest, AnotherProgramPreparesItsOwn) {
  const std::string parent = folder_.path() + "/prepared";
  PreparedModules terraform(parent, "terraform");
  PreparedModules tofu(parent, "tofu");
  const auto one = terraform.Get("d", control_, [this] { return Build("one"); });
  const auto two = tofu.Get("d", control_, [this] { return Build("two"); });
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_NE(*one, *two);
  EXPECT_EQ(builds_, 2);
}

TEST_F(PreparedModulesTest, ManyCallersShareOneBuild) {
  PreparedModules modules(folder_.path() + "/prepared", "key");
  std::atomic<int> good{0};
  {
    std::list<Task> callers;
    for (int i = 0; i < 8; ++i) {
      callers.emplace_back("caller", [&] {
        if (modules.Get("d", control_, [this] { return Build("x"); }).ok()) ++good;
      });
    }
  }
  EXPECT_EQ(good, 8);
  EXPECT_EQ(builds_, 1);
}

TEST_F(PreparedModulesTest, AfterAFailureTheNextTries) {
  PreparedModules modules(folder_.path() + "/prepared", "key");
  const auto failed = modules.Get(
      "d", control_, []() -> absl::StatusOr<std::string> { return absl::DataLossError("broken"); });
  EXPECT_TRUE(absl::IsDataLoss(failed.status()));
  EXPECT_TRUE(modules.Get("d", control_, [this] { return Build("x"); }).ok());
}

TEST_F(PreparedModulesTest, AWaitingRunCanBeStopped) {
  PreparedModules modules(folder_.path() + "/prepared", "key");
  Notifier building;
  Notifier release;
  const Task builder("builder", [&] {
    modules
        .Get("d", control_,
             [&] {
               building.Notify();
               release.Wait(0, absl::Minutes(1));
               return Build("x");
             })
        .status()
        .IgnoreError();
  });
  building.Wait(0, absl::Minutes(1));
  RunControl other;
  other.Interrupt(StopReason::kCancelled);
  EXPECT_TRUE(absl::IsCancelled(modules.Get("d", other, [this] { return Build("y"); }).status()));
  release.Notify();
}

TEST_F(PreparedModulesTest, WhatIsThereIsNotReplaced) {
  PreparedModules modules(folder_.path() + "/prepared", "key");
  const auto first = modules.Publish("d", *Build("one"));
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = modules.Publish("d", *Build("two"));
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(*ReadFile(*second + "/main.tf"), "one");
}

TEST_F(PreparedModulesTest, RecentOnesComeFirst) {
  PreparedModules modules(folder_.path() + "/prepared", "key");
  for (const char* digest : {"a", "b", "c", "a"}) {
    ASSERT_TRUE(modules.Get(digest, control_, [this] { return Build("x"); }).ok());
  }
  EXPECT_THAT(modules.Recent(), ElementsAre("a", "c", "b"));
}

TEST_F(PreparedModulesTest, WhatNobodyUsesGoesAway) {
  {
    PreparedModules modules(folder_.path() + "/prepared", "key");
    ASSERT_TRUE(modules.Publish("old", *Build("x")).ok());
    ASSERT_TRUE(modules.Publish("new", *Build("x")).ok());
  }
  const timespec long_ago = absl::ToTimespec(absl::Now() - absl::Hours(48));
  const timespec times[] = {long_ago, long_ago};
  ASSERT_EQ(utimensat(AT_FDCWD, (Root() + "/old").c_str(), times, 0), 0);
  PreparedModules modules(folder_.path() + "/prepared", "key", absl::Hours(24));
  EXPECT_THAT(modules.Recent(), ElementsAre("new"));
  EXPECT_FALSE(fs::exists(Root() + "/old"));
}

}  // namespace
}  // namespace stackyard::runner
