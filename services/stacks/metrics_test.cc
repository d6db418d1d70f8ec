// What Prometheus is told, against what was done.
#include "absl/strings/str_cat.h"
#include "common/test_metrics.h"
#include "services/stacks/gauges.h"
#include "services/stacks/notices_env.h"
#include "services/stacks/run_counts.h"

namespace stackyard::stacks {
namespace {

using internal::v1::Assignment;

class RunCountsTest : public StacksTest {
 protected:
  void SetUp() override {
    StacksTest::SetUp();
    if (store_ == nullptr) return;
    queue_ = std::make_unique<RunQueue>(*store_, *blobs_, RunQueueOptions(), &counts_);
  }
  double Ended(const std::string& kind, const std::string& result) {
    return MetricValue(registry_, "stackyard_stacks_runs_total",
                       {{"kind", kind}, {"result", result}});
  }
  double Seconds(const std::string& kind, const std::string& result) {
    return MetricSum(registry_, "stackyard_stacks_run_seconds",
                     {{"kind", kind}, {"result", result}});
  }
  double Waits(const std::string& kind) {
    return MetricValue(registry_, "stackyard_stacks_run_wait_seconds", {{"kind", kind}});
  }
  double Waited(const std::string& kind) {
    return MetricSum(registry_, "stackyard_stacks_run_wait_seconds", {{"kind", kind}});
  }
  double Takeovers() { return MetricValue(registry_, "stackyard_stacks_run_takeovers_total"); }

  prometheus::Registry registry_;
  RunCounts counts_{registry_};
};

STACKS_TEST_ON_BOTH(RunCountsTest);

TEST_P(RunCountsTest, TellsHowLongRunsWaitAndTake) {
  EXPECT_EQ(Ended("plan", "failed"), 0) << "there before the first";
  Create("shop");
  clock_.Advance(absl::Seconds(7));
  const Assignment plan = Acquire(Assignment::PLAN);
  EXPECT_EQ(Waits("plan"), 1);
  EXPECT_EQ(Waited("plan"), 7);
  clock_.Advance(absl::Seconds(30));
  ASSERT_TRUE(CompletePlan(plan, PlanOf("d1", 1, 1)).ok());
  EXPECT_EQ(Ended("plan", "ok"), 1);
  EXPECT_EQ(Seconds("plan", "ok"), 30);
  // What is sent again happened once.
  ASSERT_TRUE(CompletePlan(plan, PlanOf("d1", 1, 1)).ok());
  EXPECT_EQ(Ended("plan", "ok"), 1);
  EXPECT_EQ(Waits("apply"), -1);
}

TEST_P(RunCountsTest, TellsFailuresFromCancellations) {
  Create("shop");
  ASSERT_TRUE(Complete(Acquire(Assignment::PLAN), RunFailed("no such image")).ok());
  EXPECT_EQ(Ended("plan", "failed"), 1);
  Create("cart");
  const Assignment plan = Acquire(Assignment::PLAN);
  v1::CancelRunRequest cancel;
  cancel.set_name(plan.lease().run());
  cancel.set_reason("not needed");
  ASSERT_TRUE(runs_->Cancel(Ann(), cancel).ok());
  ASSERT_TRUE(Complete(plan, RunFailed("interrupted")).ok());
  EXPECT_EQ(Ended("plan", "cancelled"), 1);
  EXPECT_EQ(Ended("plan", "failed"), 1);
  EXPECT_EQ(Ended("plan", "ok"), 0);
}

TEST_P(RunCountsTest, ARunThatIsTakenOverWaitsAnewAndTakesAsLongAsItsLastRunner) {
  Create("shop");
  clock_.Advance(absl::Seconds(5));
  Acquire(Assignment::PLAN);
  clock_.Advance(absl::Seconds(16));
  ASSERT_EQ(*queue_->TakeBack(), 1);
  EXPECT_EQ(Takeovers(), 1);
  clock_.Advance(absl::Seconds(3));
  const Assignment again = Acquire(Assignment::PLAN, "r2");
  EXPECT_EQ(Waits("plan"), 2);
  EXPECT_EQ(Waited("plan"), 5 + 3);
  clock_.Advance(absl::Seconds(11));
  ASSERT_TRUE(CompletePlan(again, PlanOf("d1", 1, 1)).ok());
  EXPECT_EQ(Seconds("plan", "ok"), 11);
  EXPECT_EQ(Ended("plan", "ok"), 1);
}

TEST_P(RunCountsTest, ARunnerThatIsStoppedGivesItsPlanBackAndEndsItsApply) {
  const absl::Status drained = Error(v1::RUN_FAILED, "the runner stops", {{"cause", "drained"}});
  Create("shop");
  ASSERT_TRUE(Complete(Acquire(Assignment::PLAN), drained).ok());
  EXPECT_EQ(Ended("plan", "drained"), 0) << "the same run goes on";
  Plan(PlanOf("d1", 1, 1));
  ApproveAll();
  ASSERT_TRUE(Complete(Acquire(Assignment::APPLY), drained).ok());
  EXPECT_EQ(Ended("apply", "drained"), 1);
  EXPECT_EQ(Ended("apply", "failed"), 0);
  EXPECT_EQ(Takeovers(), 0);
}

TEST_P(RunCountsTest, AnApplyThatIsLostHalfWayHasEnded) {
  Create("shop");
  Plan(PlanOf("d1", 2, 2));
  ApproveAll();
  ASSERT_TRUE(SaveState(Acquire(Assignment::APPLY), StateOf(1, 1)).ok());
  clock_.Advance(absl::Seconds(16));
  ASSERT_EQ(*queue_->TakeBack(), 1);
  EXPECT_EQ(Takeovers(), 1);
  EXPECT_EQ(Ended("apply", "lost"), 1);
  EXPECT_EQ(Seconds("apply", "lost"), 16);
}

TEST_P(RunCountsTest, WhatIsRefusedIsNotCounted) {
  Create("shop");
  const Assignment old = Acquire(Assignment::PLAN);
  clock_.Advance(absl::Seconds(16));
  ASSERT_EQ(*queue_->TakeBack(), 1);
  const Assignment current = Acquire(Assignment::PLAN, "r2");
  EXPECT_EQ(ReasonOf(CompletePlan(old, PlanOf("d1", 1, 1))), v1::GENERATION_STALE);
  EXPECT_EQ(Ended("plan", "ok"), 0);
  ASSERT_TRUE(CompletePlan(current, PlanOf("d1", 1, 1)).ok());
  EXPECT_EQ(Ended("plan", "ok"), 1);
}

class GaugesTest : public StacksTest {
 protected:
  double Read(const std::string& name, const MetricLabels& labels = {}) {
    Gauges gauges(*store_, registry_);
    const absl::Status read = gauges.Refresh();
    EXPECT_TRUE(read.ok()) << read;
    return MetricValue(registry_, "stackyard_stacks_" + name, labels);
  }
  double Queue(const std::string& state) { return Read("queue_runs", {{"state", state}}); }
  double Stacks(const std::string& state) { return Read("stacks", {{"state", state}}); }
  double Ending(const std::string& within) { return Read("leases_ending", {{"within", within}}); }
  double Waiting(const std::string& kind) {
    return Read("change_requests_waiting", {{"kind", kind}});
  }
  double Pending(const std::string& kind) { return Read("outbox_pending", {{"kind", kind}}); }
  double Lag(const std::string& kind) { return Read("outbox_lag_seconds", {{"kind", kind}}); }
  // How the engine finds what a statement asks for, line by line.
  std::string PlanOfQuery(const std::string& query) {
    std::string plan;
    const absl::Status read = store_->Read([&](soci::session& sql) {
      if (GetParam() == Engine::kPostgres) {
        // With few rows it would read all of them, whatever indexes there are.
        sql << "SET LOCAL enable_seqscan = off";
        const soci::rowset<std::string> rows = (sql.prepare << "EXPLAIN " + query);
        for (const std::string& row : rows) absl::StrAppend(&plan, row, "\n");
      } else {
        const soci::rowset<soci::row> rows = (sql.prepare << "EXPLAIN QUERY PLAN " + query);
        for (const soci::row& row : rows) absl::StrAppend(&plan, row.get<std::string>(3), "\n");
      }
      return absl::OkStatus();
    });
    EXPECT_TRUE(read.ok()) << read;
    return plan;
  }

  prometheus::Registry registry_;
};

STACKS_TEST_ON_BOTH(GaugesTest);

TEST_P(GaugesTest, TellsWhatIsQueuedAndForHowLong) {
  EXPECT_EQ(Queue("queued"), 0);
  EXPECT_EQ(Read("queue_oldest_seconds"), 0);
  Create("shop");
  clock_.Advance(absl::Seconds(20));
  Create("cart");
  clock_.Advance(absl::Seconds(5));
  EXPECT_EQ(Queue("queued"), 2);
  EXPECT_EQ(Queue("running"), 0);
  EXPECT_EQ(Read("queue_oldest_seconds"), 25);
  Acquire(Assignment::PLAN);
  EXPECT_EQ(Queue("queued"), 1);
  EXPECT_EQ(Queue("running"), 1);
  EXPECT_EQ(Read("queue_oldest_seconds"), 5);
}

TEST_P(GaugesTest, TellsStacksByStateWhileTheyHoldTheirNames) {
  EXPECT_EQ(Stacks("ready"), 0);
  MakeReady("shop");
  MakeReady("cart");
  Create("till");
  EXPECT_EQ(Stacks("ready"), 2);
  EXPECT_EQ(Stacks("pending"), 1);
  ASSERT_TRUE(Delete("cart").ok());
  EXPECT_EQ(Stacks("ready"), 1);
  EXPECT_EQ(Stacks("destroying"), 1);
  ASSERT_TRUE(Complete(Acquire(Assignment::PLAN), RunFailed("no")).ok());
  EXPECT_EQ(Stacks("pending"), 0);
  EXPECT_EQ(Stacks("failed"), 1);
  EXPECT_EQ(Stacks("destroyed"), -1);
}

TEST_P(GaugesTest, TellsWhichLeasesEndSoon) {
  MakeReady("shop");
  EXPECT_EQ(Ending("7d"), 1);
  EXPECT_EQ(Ending("24h"), 0);
  clock_.Advance(absl::Hours(50));
  EXPECT_EQ(Ending("24h"), 1);
  EXPECT_EQ(Ending("1h"), 0);
  clock_.Advance(absl::Minutes(21 * 60 + 30));
  EXPECT_EQ(Ending("1h"), 1);
  EXPECT_EQ(Read("past_lease"), 0);
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(Ending("7d"), 0);
  EXPECT_EQ(Read("past_lease"), 1);
  EXPECT_EQ(Read("past_lease_longest_seconds"), 30 * 60);
}

TEST_P(GaugesTest, TellsWhoWaitsForReview) {
  EXPECT_EQ(Waiting("provision"), 0);
  EXPECT_EQ(Read("change_request_oldest_seconds"), 0);
  Create("shop");
  Plan(PlanOf("d1", 1, 1));
  clock_.Advance(absl::Minutes(2));
  Create("cart");
  Plan(PlanOf("d2", 1, 1));
  EXPECT_EQ(Waiting("provision"), 2);
  EXPECT_EQ(Read("change_request_oldest_seconds"), 120);
  ApproveAll("shop");
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(Waiting("provision"), 1);
  EXPECT_EQ(Read("change_request_oldest_seconds"), 60);
  v1::RejectChangeRequestRequest reject;
  reject.set_name(PendingRequest("cart").name());
  reject.set_reason("not now");
  ASSERT_TRUE(reviews_->Reject(Dan(), reject).ok());
  EXPECT_EQ(Waiting("provision"), 0);
  EXPECT_EQ(Waiting("quota"), 0);
}

TEST_P(GaugesTest, TellsWhatIsDueAndNotDone) {
  RunTasks();
  EXPECT_EQ(Pending("tasks"), 0);
  EXPECT_EQ(Lag("tasks"), 0);
  Create("shop");
  ASSERT_TRUE(CompletePlan(Acquire(Assignment::PLAN), PlanOf("d1", 1, 1)).ok());
  clock_.Advance(absl::Seconds(9));
  EXPECT_EQ(Pending("tasks"), 1) << "quota is to be reserved";
  EXPECT_EQ(Lag("tasks"), 9);
  RunTasks();
  EXPECT_EQ(Pending("tasks"), 0) << "timers of the future are not due";
  EXPECT_EQ(Lag("tasks"), 0);
}

TEST_P(GaugesTest, TellsWhatTheEngineLooksUp) {
  const std::string names =
      PlanOfQuery("SELECT name FROM tasks WHERE substr(name, 1, 7) = 'expire/'");
  EXPECT_THAT(names, testing::HasSubstr("tasks_expire"));
  const std::string due = PlanOfQuery(
      "SELECT CASE WHEN queue = '' THEN 0 ELSE 1 END AS delivery, COUNT(*), MIN(due) "
      "FROM tasks WHERE due <= 5 GROUP BY delivery");
  EXPECT_THAT(due, testing::HasSubstr("tasks_due"));
  const std::string stacks = PlanOfQuery(
      "SELECT term, COUNT(*) FROM stack_terms WHERE term IN ('s4', 's5') AND live = 1 "
      "GROUP BY term");
  EXPECT_THAT(stacks, testing::HasSubstr("stack_terms_names"));
  const std::string leases = PlanOfQuery(
      "SELECT COUNT(*) FROM stacks WHERE lease_end_micros > 0 AND lease_end_micros > 5 "
      "AND lease_end_micros <= 9");
  EXPECT_THAT(leases, testing::HasSubstr("stacks_lease_end"));
}

class DeliveryCountsTest : public NoticesTest {
 protected:
  double Tries(const std::string& type, const std::string& result) {
    return MetricValue(registry_, "stackyard_stacks_deliveries_total",
                       {{"channel_type", type}, {"result", result}});
  }
  double Backlog(const std::string& what, const std::string& kind) {
    Gauges gauges(*store_, registry_);
    EXPECT_TRUE(gauges.Refresh().ok());
    return MetricValue(registry_, "stackyard_stacks_outbox_" + what, {{"kind", kind}});
  }
};

STACKS_TEST_ON_BOTH(DeliveryCountsTest);

TEST_P(DeliveryCountsTest, TellsWhatIsNotAnnouncedAndNotDelivered) {
  MakeChannel("ops");
  Announce();
  Deliver();
  EXPECT_EQ(Backlog("pending", "notices"), 0);
  Happen("project.updated");
  clock_.Advance(absl::Seconds(6));
  Happen("project.updated");
  EXPECT_EQ(Backlog("pending", "notices"), 2);
  EXPECT_EQ(Backlog("lag_seconds", "notices"), 6);
  EXPECT_EQ(Backlog("pending", "deliveries"), 0);
  Announce();
  clock_.Advance(absl::Seconds(4));
  EXPECT_EQ(Backlog("pending", "notices"), 0);
  EXPECT_EQ(Backlog("lag_seconds", "notices"), 0);
  EXPECT_EQ(Backlog("pending", "deliveries"), 2);
  EXPECT_EQ(Backlog("lag_seconds", "deliveries"), 4);
  EXPECT_EQ(Backlog("pending", "tasks"), 0);
  Deliver();
  EXPECT_EQ(Backlog("pending", "deliveries"), 0);
}

TEST_P(DeliveryCountsTest, TellsWhatBecameOfEachTry) {
  MakeChannel("ops");
  AnnounceAndDeliver();
  const double before = Tries("webhook", "ok");
  Happen("project.updated");
  AnnounceAndDeliver();
  EXPECT_EQ(Tries("webhook", "ok"), before + 1);
  EXPECT_EQ(Tries("email", "ok"), 0);

  carrier_.failure = absl::UnavailableError("no answer");
  Happen("project.updated");
  AnnounceAndDeliver();
  EXPECT_EQ(Tries("webhook", "retried"), 1);
  for (int i = 0; i < 2; ++i) {
    clock_.Advance(absl::Hours(1));
    Deliver();
  }
  EXPECT_EQ(Tries("webhook", "retried"), 2);
  EXPECT_EQ(Tries("webhook", "given_up"), 1);
  EXPECT_EQ(Tries("webhook", "ok"), before + 1);
}

TEST_P(DeliveryCountsTest, TellsMailToSomebodyFromMailToAChannel) {
  Principal ann = Caller("ann", {"dev"});
  ann.set_email("ann@example.com");
  ASSERT_TRUE(Settle(ann, {}, true).ok());
  Create("shop");
  Plan(PlanOf("plan-1", 1, 1));
  ApproveAll();
  Announce();
  const int tries = Deliver();
  EXPECT_GT(tries, 0);
  EXPECT_EQ(Tries("user", "ok"), tries);
  EXPECT_EQ(Tries("email", "ok"), 0);
  EXPECT_EQ(Tries("webhook", "ok"), 0);
}

}  // namespace
}  // namespace stackyard::stacks
