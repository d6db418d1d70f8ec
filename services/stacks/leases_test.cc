// Warnings before the end of a lease, and stacks that outlive theirs. Weeks pass in milliseconds.
#include "services/stacks/leases.h"

#include "services/stacks/lease_metrics.h"
#include "services/stacks/test_env.h"

namespace stackyard::stacks {
namespace {

using internal::v1::Assignment;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class LeasesTest : public StacksTest {
 protected:
  // The leads of the warnings so far.
  std::vector<std::string> Warned() {
    std::vector<std::string> leads;
    for (const v1::Event& event : EventsOf("stack.leaseWarning")) {
      leads.push_back(event.details().fields().at("lead").string_value());
    }
    return leads;
  }
  void Pass(absl::Duration time) {
    clock_.Advance(time);
    RunTasks();
  }
  // The run that destroys ends like this.
  void FailDestroy(const std::string& why = "access denied") {
    ASSERT_TRUE(Complete(Acquire(Assignment::DESTROY), RunFailed(why)).ok());
    RunTasks();
    EXPECT_EQ(GetStack().state(), v1::Stack::FAILED);
  }
  double Gauge(const std::string& name) {
    LeaseMetrics metrics(*store_, registry_);
    EXPECT_TRUE(metrics.Refresh().ok());
    for (const auto& family : registry_.Collect()) {
      if (family.name == name) return family.metric.at(0).gauge.value;
    }
    ADD_FAILURE() << name;
    return -1;
  }

  prometheus::Registry registry_{prometheus::Registry::InsertBehavior::Merge};
};

STACKS_TEST_ON_BOTH(LeasesTest);

TEST_P(LeasesTest, WarnsOnceAtEachLeadTime) {
  MakeReady();
  EXPECT_THAT(Warned(), IsEmpty());
  Pass(absl::Hours(24) - absl::Seconds(1));
  EXPECT_THAT(Warned(), IsEmpty());
  Pass(absl::Seconds(1));
  EXPECT_THAT(Warned(), ElementsAre("48h"));
  for (int i = 0; i < 10; ++i) Pass(absl::Hours(1));
  EXPECT_THAT(Warned(), ElementsAre("48h"));
  Pass(absl::Hours(36));
  EXPECT_THAT(Warned(), ElementsAre("48h", "2h"));
  Pass(absl::Minutes(95));
  EXPECT_THAT(Warned(), ElementsAre("48h", "2h", "30m"));
  const v1::Event last = EventsOf("stack.leaseWarning").back();
  EXPECT_EQ(last.resource(), StackOf("shop"));
  EXPECT_THAT(last.message(), HasSubstr("ends in 25m"));
  Pass(absl::Minutes(25));
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYING);
  EXPECT_THAT(Warned(), SizeIs(3));
}

TEST_P(LeasesTest, LeadsThatAreLongerThanTheLeaseAreLeftOut) {
  Publish("short", "title: Short\nlease: {default: 3h, maximum: 6h}\napproval: {mode: auto}\n");
  MakeReadyFrom("templates/shop/versions/short");
  EXPECT_THAT(Warned(), IsEmpty());
  Pass(absl::Hours(1));
  EXPECT_THAT(Warned(), ElementsAre("2h"));
}

TEST_P(LeasesTest, WhatIsDueAtOnceIsOneWarning) {
  MakeReady();
  Pass(absl::Hours(71));
  EXPECT_THAT(Warned(), ElementsAre("2h"));
}

TEST_P(LeasesTest, AnUpdateWarnsOfNothingAgain) {
  MakeReady();
  Pass(absl::Hours(30));
  ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 4)).ok());
  Plan(PlanOf("d2", 1, 2, 1));
  ApproveAll();
  Apply(StateOf(2, 2));
  EXPECT_THAT(Warned(), ElementsAre("48h"));
  Pass(absl::Hours(40));
  EXPECT_THAT(Warned(), ElementsAre("48h", "2h"));
}

TEST_P(LeasesTest, AWarningIsWrittenOnceWhoeverDoesItsTask) {
  MakeReady();
  clock_.Advance(absl::Hours(25));
  // Two replicas hold the task: the first fell silent for longer than its claim.
  const auto claim = [&] {
    return store_->WriteValue<std::vector<DueTask>>(Actor(), [](Change& change) {
      return ClaimTasks(change, 8, change.now + absl::Seconds(60));
    });
  };
  const auto first = claim();
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_THAT(*first, SizeIs(1));
  clock_.Advance(absl::Seconds(61));
  const auto second = claim();
  ASSERT_THAT(*second, SizeIs(1));
  for (const DueTask& task : {second->at(0), first->at(0), second->at(0)}) {
    ASSERT_TRUE(store_
                    ->Write(Actor(),
                            [&](Change& change) {
                              return FinishTask(change, task) ? WarnOfEnd(change, task.record)
                                                              : absl::OkStatus();
                            })
                    .ok());
  }
  EXPECT_THAT(Warned(), ElementsAre("48h"));
}

TEST_P(LeasesTest, AStackThatIsGoneIsNotWarnedOf) {
  MakeReady();
  ASSERT_TRUE(Delete("shop").ok());
  const Assignment destroy = Acquire(Assignment::DESTROY);
  ASSERT_TRUE(SaveState(destroy, StateOf(2, 0)).ok());
  ASSERT_TRUE(Complete(destroy).ok());
  RunTasks();
  EXPECT_EQ(Count("SELECT COUNT(*) FROM tasks"), 0);
  Pass(absl::Hours(100));
  EXPECT_THAT(Warned(), IsEmpty());
}

TEST_P(LeasesTest, WhatCannotBeDestroyedIsTriedAgainEverMoreRarely) {
  MakeReady();
  Pass(absl::Hours(72));
  absl::Duration wait = absl::Minutes(5);
  for (int attempt = 1; attempt <= 9; ++attempt) {
    FailDestroy();
    const v1::Event event = EventsOf("stack.destroyFailed").back();
    EXPECT_EQ(event.details().fields().at("attempts").number_value(), attempt);
    EXPECT_EQ(event.details().fields().at("nextTry").string_value(),
              absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", clock_.TimeNow() + wait, absl::UTCTimeZone()));
    EXPECT_THAT(GetStack().state_detail().message(), HasSubstr("access denied"));
    EXPECT_THAT(GetStack().state_detail().message(), HasSubstr("tried again at"));
    EXPECT_EQ(ReasonOf(FromProto(GetStack().state_detail().error())), v1::RUN_FAILED);
    Pass(wait - absl::Seconds(1));
    EXPECT_FALSE(TryAcquire().has_value()) << "not before its time";
    Pass(absl::Seconds(1));
    EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYING);
    wait = std::min(wait * 2, absl::Hours(6));
  }
  EXPECT_THAT(EventsOf("stack.destroyFailed"), SizeIs(9));
  const Assignment destroy = Acquire(Assignment::DESTROY);
  ASSERT_TRUE(SaveState(destroy, StateOf(2, 0)).ok());
  ASSERT_TRUE(Complete(destroy).ok());
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYED);
  EXPECT_THAT(ledger_.Held(), IsEmpty());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM tasks"), 0);
}

TEST_P(LeasesTest, AUserWhoseDeleteFailsIsToldWhenItIsTriedAgain) {
  MakeReady();
  ASSERT_TRUE(Delete("shop").ok());
  FailDestroy();
  const v1::Event event = EventsOf("stack.destroyFailed").back();
  EXPECT_EQ(event.details().fields().at("nextTry").string_value(),
            absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", FromProto(GetStack().lease().end_time()),
                             absl::UTCTimeZone()));
  ASSERT_TRUE(Delete("shop").ok()) << "or at once, by hand";
}

TEST_P(LeasesTest, OverdueStacksShowInPrometheus) {
  EXPECT_EQ(Gauge("stackyard_stacks_past_lease"), 0);
  MakeReady();
  EXPECT_EQ(Gauge("stackyard_stacks_past_lease"), 0);
  Pass(absl::Hours(72));
  FailDestroy();
  clock_.Advance(absl::Minutes(4));
  EXPECT_EQ(Gauge("stackyard_stacks_past_lease"), 1);
  EXPECT_EQ(Gauge("stackyard_stacks_past_lease_longest_seconds"), 240);
  ASSERT_TRUE(Delete("shop", /*abandon=*/true).ok());
  EXPECT_EQ(Gauge("stackyard_stacks_past_lease"), 0);
  EXPECT_EQ(Gauge("stackyard_stacks_past_lease_longest_seconds"), 0);
}

TEST_P(LeasesTest, PastTheLeaseNothingIsChangedAnyMore) {
  MakeReady();
  Pass(absl::Hours(72));
  FailDestroy();
  EXPECT_EQ(ReasonOf(stacks_->Update(Ann(), UpdateRequest("shop", 4)).status()), v1::WRONG_STATE);
  v1::RetryStackRequest retry;
  retry.set_name(StackOf("shop"));
  const absl::Status refused = stacks_->Retry(Ann(), retry).status();
  EXPECT_EQ(ReasonOf(refused), v1::WRONG_STATE);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("is over"));
}

TEST_P(LeasesTest, AStackThatNeverCameToBeGetsItsWholeLeaseWhenItIsTriedAgain) {
  ledger_.Refuse(Error(v1::QUOTA_EXCEEDED, "full"));
  Create("shop");
  Plan(PlanOf("d1", 1, 1));
  EXPECT_EQ(GetStack().state(), v1::Stack::FAILED);
  clock_.Advance(absl::Hours(100));
  ledger_.Refuse(absl::OkStatus());
  v1::RetryStackRequest retry;
  retry.set_name(StackOf("shop"));
  ASSERT_TRUE(stacks_->Retry(Ann(), retry).ok());
  Plan(PlanOf("d2", 1, 1));
  EXPECT_EQ(FromProto(GetStack().lease().end_time()), clock_.TimeNow() + absl::Hours(72));
  EXPECT_EQ(ledger_.Held().at(0).end_time().seconds(), GetStack().lease().end_time().seconds());
}

TEST_P(LeasesTest, AnApplyThatMadeNothingCanBeTriedAgainAfterItsLease) {
  Create("shop");
  Plan(PlanOf("d1", 1, 1));
  ApproveAll();
  ASSERT_TRUE(Complete(Acquire(Assignment::APPLY), RunFailed("no capacity")).ok());
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::FAILED);
  clock_.Advance(absl::Hours(100));
  RunTasks();
  v1::RetryStackRequest retry;
  retry.set_name(StackOf("shop"));
  ASSERT_TRUE(stacks_->Retry(Ann(), retry).ok());
  EXPECT_EQ(FromProto(GetStack().lease().end_time()), clock_.TimeNow() + absl::Hours(72));
  Plan(PlanOf("d2", 1, 1));
  EXPECT_EQ(GetStack().state(), v1::Stack::AWAITING_APPROVAL);
}

TEST_P(LeasesTest, NobodyDecidesOnAPlanWhoseLeaseIsOver) {
  Publish("slow", ShopYaml("{mode: required, expires_after: 30d}"));
  v1::CreateStackRequest create = CreateRequest("shop");
  create.mutable_stack()->set_template_version("templates/shop/versions/slow");
  ASSERT_TRUE(stacks_->Create(Ann(), create).ok());
  Plan(PlanOf("d1", 1, 1));
  const ChangeRequest request = PendingRequest();
  EXPECT_EQ(request.expire_time().seconds(), GetStack().lease().end_time().seconds());
  clock_.Advance(absl::Hours(72));
  EXPECT_EQ(ReasonOf(Approve(Dan(), request).status()), v1::REQUEST_CLOSED);
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::REJECTED);
}

TEST(RetryDestroyTest, DoublesUpToSixHours) {
  EXPECT_EQ(RetryDestroyIn(1), absl::Minutes(5));
  EXPECT_EQ(RetryDestroyIn(2), absl::Minutes(10));
  EXPECT_EQ(RetryDestroyIn(7), absl::Minutes(320));
  EXPECT_EQ(RetryDestroyIn(8), absl::Hours(6));
  EXPECT_EQ(RetryDestroyIn(1'000'000), absl::Hours(6));
}

}  // namespace
}  // namespace stackyard::stacks
