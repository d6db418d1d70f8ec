// How runs end early: cancelled, killed, drained, out of time, taken over; and what a restart of
// the service does to them.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/file.h>

#include <string>

#include "absl/time/clock.h"
#include "common/proto_time.h"
#include "common/work.h"
#include "services/runner/file.h"
#include "services/runner/state_watcher.h"
#include "services/runner/testing/runner_fixture.h"

namespace stackyard::runner {
namespace {

using internal::v1::Assignment;
using testing::HasSubstr;

constexpr char kRun[] = "projects/p/stacks/s/runs/1";
constexpr char kRun2[] = "projects/p/stacks/s/runs/2";

class StopTest : public RunnerFixture {
 protected:
  // Begins an apply that waits behind the gate, and waits until it has saved the first resource.
  void BeginGatedApply() {
    const std::string module =
        "resource \"terraform_data\" \"first\" { input = 1 }\n" + Gated("second", "gate");
    bundle_ = queue_.AddBlob(MakeBundle({{"main.tf", module}}));
    apply_ = ApplyOf(Plan(kRun, bundle_), kRun2, bundle_);
    Adjust(apply_);
    queue_.Push(apply_);
    queue_.WaitFor(kRun2, [](const RecordedRun& run) {
      return !run.states.empty() && run.log.find("42 waits") != std::string::npos;
    });
  }
  virtual void Adjust(Assignment& apply) {}

  // Without a second signal.
  void DrainUndisturbed() {
    program_->Drain([](absl::Duration pause) {
      poll(nullptr, 0, static_cast<int>(absl::ToInt64Milliseconds(pause)));
      return false;
    });
  }

  // Whether the provisioner and all that it started have ended, or end within the time.
  bool ProvisionerEnds(absl::Duration patience = absl::Seconds(20)) {
    const Fd lock(open(LockOf("gate").c_str(), O_RDWR | O_CLOEXEC));
    EXPECT_TRUE(lock.ok());
    const absl::Time end = absl::Now() + patience;
    while (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
      if (absl::Now() >= end) return false;
      poll(nullptr, 0, 5);
    }
    return true;
  }

  std::string bundle_;
  Assignment apply_;
};

TEST_F(StopTest, CancelInterruptsAndSavesTheState) {
  StartRunner();
  BeginGatedApply();
  EXPECT_FALSE(ProvisionerEnds(absl::ZeroDuration()));
  queue_.Cancel(kRun2, /*kill=*/false);
  const auto completion = queue_.WaitCompleted(kRun2);
  EXPECT_EQ(ReasonName(completion.status()), "RUN_CANCELLED");
  EXPECT_EQ(MetadataOf(completion.status(), "cause"), "cancelled");
  EXPECT_EQ(MetadataOf(completion.status(), "step"), "apply");
  const RecordedRun run = queue_.Recorded(kRun2);
  EXPECT_EQ(completion.state().serial(), StateSerial(run.states.back()));
  // Terraform ended by itself: the resource in flight is in the state, as tainted.
  EXPECT_THAT(run.states.back(), HasSubstr("\"tainted\""));
  EXPECT_TRUE(ProvisionerEnds());
}

TEST_F(StopTest, KillEndsTheWholeGroup) {
  StartRunner();
  BeginGatedApply();
  queue_.Cancel(kRun2, /*kill=*/true);
  const auto completion = queue_.WaitCompleted(kRun2);
  EXPECT_EQ(ReasonName(completion.status()), "RUN_CANCELLED");
  EXPECT_THAT(queue_.Recorded(kRun2).states.back(), HasSubstr("\"first\""));
  EXPECT_TRUE(ProvisionerEnds());
}

TEST_F(StopTest, ACancelledPlanPlansNothing) {
  StartRunner();
  const std::string bundle =
      queue_.AddBlob(MakeBundle({{"main.tf", "output \"a\" { value = 1 }"}}));
  queue_.HoldReads(true);
  queue_.Push(Make(Assignment::PLAN, kRun, bundle));
  queue_.Cancel(kRun, /*kill=*/false);
  queue_.WaitCancelSeen(kRun);
  queue_.HoldReads(false);
  const auto completion = queue_.WaitCompleted(kRun);
  EXPECT_EQ(ReasonName(completion.status()), "RUN_CANCELLED");
  EXPECT_FALSE(completion.has_plan());
  for (const v1::RunEvent& event : queue_.Recorded(kRun).events) {
    EXPECT_NE(event.step_started(), "plan");
  }
}

TEST_F(StopTest, ADrainLetsRunsComeToTheirEndAndTakesNoMore) {
  options_.server.drain = absl::Hours(1);
  options_.server.health_listen = "127.0.0.1:0";
  options_.slots = 2;
  StartRunner();
  BeginGatedApply();
  EXPECT_TRUE(program_->health().ready());
  Notifier asked;
  {
    const Task drain("drain", [&] {
      program_->Drain([&](absl::Duration pause) {
        asked.Notify();
        poll(nullptr, 0, static_cast<int>(absl::ToInt64Milliseconds(pause)));
        return false;
      });
    });
    asked.Wait(0, absl::InfiniteDuration());
    EXPECT_FALSE(program_->health().ready());
    queue_.Push(Make(Assignment::PLAN, kRun, bundle_));
    // Several looks later the run is as it was.
    asked.Wait(3, absl::InfiniteDuration());
    EXPECT_FALSE(ProvisionerEnds(absl::ZeroDuration()));
    EXPECT_FALSE(queue_.Recorded(kRun2).completion.has_value());
    Open("gate");
  }
  const auto completion = queue_.WaitCompleted(kRun2);
  EXPECT_EQ(completion.status().code(), 0) << completion.status().message();
  EXPECT_THAT(queue_.Recorded(kRun2).log, HasSubstr("Apply complete! Resources: 2 added"));
  EXPECT_EQ(queue_.Recorded(kRun).completions, 1) << "the plan from before, and no other";
}

TEST_F(StopTest, ASecondSignalInterruptsSavesAndReports) {
  options_.server.drain = absl::Hours(1);
  StartRunner();
  BeginGatedApply();
  program_->Drain([](absl::Duration) { return true; });
  const auto completion = queue_.WaitCompleted(kRun2);
  EXPECT_EQ(ReasonName(completion.status()), "RUN_CANCELLED");
  EXPECT_EQ(MetadataOf(completion.status(), "cause"), "drained");
  EXPECT_EQ(completion.state().serial(), StateSerial(queue_.Recorded(kRun2).states.back()));
  EXPECT_TRUE(ProvisionerEnds());
}

TEST_F(StopTest, WhatDoesNotEndInTimeIsHandedOver) {
  options_.server.drain = absl::Seconds(8);
  StartRunner();
  BeginGatedApply();
  const absl::Time start = absl::Now();
  DrainUndisturbed();
  EXPECT_GE(absl::Now() - start, absl::Seconds(4)) << "it had no time";
  const auto completion = queue_.WaitCompleted(kRun2);
  EXPECT_EQ(MetadataOf(completion.status(), "cause"), "drained");
  EXPECT_TRUE(ProvisionerEnds());
}

TEST_F(StopTest, ADrainOfAnIdleRunnerTakesNoTime) {
  options_.server.drain = absl::Hours(1);
  StartRunner();
  queue_.WaitPolling();
  program_->Drain([](absl::Duration) -> bool {
    ADD_FAILURE() << "there is nothing to wait for";
    return true;
  });
}

TEST_F(StopTest, DrainEndsInTimeWithoutTheService) {
  options_.server.drain = absl::Seconds(3);
  StartRunner();
  BeginGatedApply();
  queue_.StopServing();
  const absl::Time start = absl::Now();
  DrainUndisturbed();
  EXPECT_LT(absl::Now() - start, absl::Seconds(10));
  EXPECT_TRUE(ProvisionerEnds());
}

TEST_F(StopTest, AnOldGenerationIsKilledAtOnceAndTellsNothing) {
  StartRunner();
  BeginGatedApply();
  const RecordedRun before = queue_.Recorded(kRun2);
  queue_.Steal(kRun2, /*tell_by_heartbeat=*/false);
  // What is reported next is refused.
  queue_.Cancel(kRun2, /*kill=*/false);
  const std::string bundle =
      queue_.AddBlob(MakeBundle({{"main.tf", "output \"a\" { value = 1 }"}}));
  // The runner goes on with other work.
  EXPECT_EQ(Do(Make(Assignment::PLAN, "r/other", bundle)).status().code(), 0);
  StopRunner();
  EXPECT_GT(queue_.refused(), 0);
  EXPECT_TRUE(ProvisionerEnds());
  const RecordedRun after = queue_.Recorded(kRun2);
  EXPECT_FALSE(after.completion.has_value());
  EXPECT_EQ(after.log, before.log);
  EXPECT_EQ(after.states.size(), before.states.size());
}

TEST_F(StopTest, ALostLeaseKillsTerraform) {
  StartRunner();
  BeginGatedApply();
  queue_.Steal(kRun2, /*tell_by_heartbeat=*/true);
  EXPECT_TRUE(ProvisionerEnds());
  StopRunner();
  EXPECT_EQ(queue_.refused(), 0) << "it tells nothing more";
  EXPECT_FALSE(queue_.Recorded(kRun2).completion.has_value());
}

TEST_F(StopTest, ARestartOfTheServiceIsNotNoticed) {
  StartRunner();
  BeginGatedApply();
  queue_.StopServing();
  // Terraform ends while nobody answers.
  Open("gate");
  queue_.Serve();
  const auto completion = queue_.WaitCompleted(kRun2);
  EXPECT_EQ(completion.status().code(), 0) << completion.status().message();
  const RecordedRun run = queue_.Recorded(kRun2);
  EXPECT_EQ(run.completions, 1);
  EXPECT_THAT(run.log, HasSubstr("Apply complete! Resources: 2 added"));
  EXPECT_THAT(run.states.back(), HasSubstr("\"second\""));
  EXPECT_EQ(completion.state().serial(), StateSerial(run.states.back()));
  // And it goes on to take work.
  Plan("r/3", bundle_);
}

class TimeoutTest : public StopTest {
  void Adjust(Assignment& apply) override { *apply.mutable_timeout() = ToProto(absl::Seconds(2)); }
};

TEST_F(TimeoutTest, ARunThatTakesTooLongFails) {
  StartRunner();
  BeginGatedApply();
  const auto completion = queue_.WaitCompleted(kRun2);
  EXPECT_EQ(ReasonName(completion.status()), "RUN_FAILED");
  EXPECT_EQ(MetadataOf(completion.status(), "step"), "apply");
  EXPECT_THAT(completion.status().message(), HasSubstr("longer than"));
  EXPECT_THAT(queue_.Recorded(kRun2).states.back(), HasSubstr("\"first\""));
  EXPECT_TRUE(ProvisionerEnds());
}

TEST_F(StopTest, ATakenOverRunSaysSo) {
  StartRunner();
  const std::string bundle =
      queue_.AddBlob(MakeBundle({{"main.tf", "output \"a\" { value = 1 }"}}));
  Assignment plan = Make(Assignment::PLAN, kRun, bundle);
  plan.mutable_lease()->set_generation(2);
  EXPECT_EQ(Do(plan).status().code(), 0);
  EXPECT_THAT(queue_.Recorded(kRun).events.front().notice(), HasSubstr("taken over"));
}

}  // namespace
}  // namespace stackyard::runner
