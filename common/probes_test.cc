#include "common/probes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "absl/time/clock.h"
#include "common/work.h"

namespace stackyard {
namespace {

using testing::ElementsAre;

std::vector<std::string> Told(const std::vector<v1::Dependency>& dependencies) {
  std::vector<std::string> told;
  for (const v1::Dependency& dependency : dependencies) {
    told.push_back(dependency.name() + (dependency.ok() ? " ok" : " " + dependency.error()));
  }
  return told;
}

TEST(ProbesTest, TellWhatTheyFind) {
  Probes probes;
  probes.AddCheck("database", [] { return absl::OkStatus(); });
  probes.Add("stacks", [] {
    v1::Dependency quota;
    quota.set_name("quota");
    quota.set_ok(true);
    return Probes::Finding{"1.2.3", "host/7", {quota}};
  });
  const auto dependencies = probes.Ask();
  EXPECT_THAT(Told(dependencies), ElementsAre("database ok", "stacks ok", "stacks/quota ok"));
  EXPECT_EQ(dependencies[1].version(), "1.2.3");
  EXPECT_EQ(dependencies[1].instance(), "host/7");
}

TEST(ProbesTest, ErrorsAreBlandAndTheLogHasTheRest) {
  Probes probes;
  probes.AddCheck("a", [] { return absl::UnavailableError("10.1.2.3: password hunter2"); });
  probes.AddCheck("b", [] { return absl::DeadlineExceededError("10.1.2.3"); });
  probes.AddCheck("c", [] { return absl::InternalError("10.1.2.3"); });
  testing::internal::CaptureStderr();
  EXPECT_THAT(Told(probes.Ask()), ElementsAre("a does not answer", "b does not answer in time",
                                              "c answers with INTERNAL"));
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("10.1.2.3: password"));
}

TEST(ProbesTest, RunAtTheSameTime) {
  Probes probes;
  // Each waits for the other.
  Notifier one, two;
  probes.AddCheck("one", [&] {
    one.Notify();
    return two.Wait(0, absl::Seconds(20)) > 0 ? absl::OkStatus() : absl::InternalError("alone");
  });
  probes.AddCheck("two", [&] {
    two.Notify();
    return one.Wait(0, absl::Seconds(20)) > 0 ? absl::OkStatus() : absl::InternalError("alone");
  });
  EXPECT_THAT(Told(probes.Ask()), ElementsAre("one ok", "two ok"));
}

TEST(ProbesTest, OneThatHangsHoldsUpNobodyForLong) {
  Notifier leave;
  std::atomic<int> calls = 0;
  {
    Probes probes(absl::Milliseconds(100));
    probes.AddCheck("good", [] { return absl::OkStatus(); });
    probes.AddCheck("hangs", [&] {
      ++calls;
      leave.Wait(0, absl::Seconds(60));
      return absl::OkStatus();
    });
    const absl::Time began = absl::Now();
    for (int i = 0; i < 20; ++i) {
      EXPECT_THAT(Told(probes.Ask()), ElementsAre("good ok", "hangs does not answer in time"));
    }
    EXPECT_LT(absl::Now() - began, absl::Seconds(10));
    EXPECT_EQ(calls, 1);
    leave.Notify();
  }
}

TEST(ProbesTest, AnswersAreRememberedForASecond) {
  std::atomic<int> calls = 0;
  Probes probes;
  probes.AddCheck("database", [&] {
    ++calls;
    return absl::OkStatus();
  });
  const absl::Time began = absl::Now();
  for (int i = 0; i < 1000; ++i) probes.Ask();
  const auto seconds = static_cast<int>((absl::Now() - began) / absl::Seconds(1));
  EXPECT_GE(calls, 1);
  EXPECT_LE(calls, 1 + seconds);
  // And not for longer.
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (calls == 1 && absl::Now() < deadline) probes.Ask();
  EXPECT_GE(calls, 2);
}

}  // namespace
}  // namespace stackyard
