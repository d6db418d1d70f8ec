// What quota holds against what stacks have.
#include "services/stacks/reconciler.h"

#include "services/stacks/task_store.h"
#include "services/stacks/test_env.h"

namespace stackyard::stacks {
namespace {

using internal::v1::Assignment;
using testing::Contains;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class ReconcilerTest : public StacksTest {
 protected:
  void SetUp() override {
    StacksTest::SetUp();
    if (store_ == nullptr) return;
    reconciler_ = std::make_unique<Reconciler>(*store_, ledger_, ReconcilerOptions(), metrics_);
  }
  Findings Compare() {
    const auto findings = reconciler_->Compare();
    EXPECT_TRUE(findings.ok()) << findings.status();
    return findings.value_or(Findings());
  }
  void ExpectNothingFound() {
    const Findings found = Compare();
    EXPECT_EQ(found.orphaned, 0);
    EXPECT_EQ(found.missing, 0);
    EXPECT_EQ(found.differing, 0);
  }
  v1::Reservation Stray(const std::string& uid = "strayaaaaaaa") {
    v1::Reservation stray;
    stray.set_name("projects/web/quota/reservations/" + uid + "-d1");
    stray.set_holder("projects/web/stacks/stray");
    stray.set_state(v1::Reservation::COMMITTED);
    *stray.mutable_create_time() = ToProto(clock_.TimeNow());
    *stray.mutable_update_time() = ToProto(clock_.TimeNow());
    return stray;
  }

  prometheus::Registry registry_;
  ReconcilerMetrics metrics_{registry_};
  std::unique_ptr<Reconciler> reconciler_;
};

STACKS_TEST_ON_BOTH(ReconcilerTest);

TEST_P(ReconcilerTest, FindsNothingInAnyStepOfAGoodLife) {
  // Everything is old enough to be suspicious.
  const auto look = [&] {
    clock_.Advance(absl::Minutes(20));
    ExpectNothingFound();
  };
  Create("shop");
  look();
  const Assignment plan = Acquire(Assignment::PLAN);
  look();
  ASSERT_TRUE(CompletePlan(plan, PlanOf("d1", 1, 1)).ok());
  look();
  RunTasks();
  look();
  ApproveAll();
  look();
  const Assignment apply = Acquire(Assignment::APPLY);
  ASSERT_TRUE(SaveState(apply, StateOf(1, 1)).ok());
  look();
  ASSERT_TRUE(Complete(apply).ok());
  look();
  RunTasks();
  look();
  ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 4)).ok());
  look();
  Plan(PlanOf("d2", 1, 2, 1));
  look();
  ApproveAll();
  const Assignment update = Acquire(Assignment::APPLY);
  ASSERT_TRUE(SaveState(update, StateOf(2, 2)).ok());
  ASSERT_TRUE(Complete(update).ok());
  // The new one is to be committed, and quota will let go of the old one by itself.
  look();
  RunTasks();
  look();
  ASSERT_TRUE(Delete("shop").ok());
  look();
  const Assignment destroy = Acquire(Assignment::DESTROY);
  ASSERT_TRUE(SaveState(destroy, StateOf(3, 0)).ok());
  ASSERT_TRUE(Complete(destroy).ok());
  look();
  RunTasks();
  look();
  EXPECT_THAT(ledger_.Held(), IsEmpty());
}

TEST_P(ReconcilerTest, GivesBackWhatNobodyHasOnceItIsOld) {
  ledger_.Put(Stray());
  ExpectNothingFound();
  clock_.Advance(absl::Minutes(9));
  ExpectNothingFound();
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(Compare().orphaned, 1);
  EXPECT_EQ(metrics_.orphaned.Value(), 1);
  EXPECT_THAT(EventTypes(), Contains("reservation.orphaned"));
  ExpectNothingFound();
  RunTasks();
  EXPECT_THAT(ledger_.Held(), IsEmpty());
}

TEST_P(ReconcilerTest, GivesBackASecondReservationOfALiveStack) {
  MakeReady();
  v1::Reservation second = Stray(GetStack().uid());
  ledger_.Put(second);
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(Compare().orphaned, 1);
  RunTasks();
  ASSERT_THAT(ledger_.Held(), SizeIs(1));
  EXPECT_NE(ledger_.Held()[0].name(), second.name());
  EXPECT_EQ(GetStack().state(), v1::Stack::READY);
}

TEST_P(ReconcilerTest, ATaskAccountsForWhatItsCallMayHaveMade) {
  // Crashed between the call to quota and what follows from it: the task is still there.
  Create("shop");
  const std::string uid = GetStack().uid();
  ASSERT_TRUE(CompletePlan(Acquire(Assignment::PLAN), PlanOf("d1", 1, 1)).ok());
  ledger_.Put(Stray(uid));
  clock_.Advance(absl::Hours(1));
  ExpectNothingFound();
  EXPECT_THAT(ledger_.Held(), SizeIs(1));
}

TEST_P(ReconcilerTest, WhatIsWrittenWhileQuotaIsAskedCounts) {
  MakeReady();
  ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 4)).ok());
  ASSERT_TRUE(CompletePlan(Acquire(Assignment::PLAN), PlanOf("d2", 1, 2, 1)).ok());
  clock_.Advance(absl::Hours(1));
  // The reservation is in quota's answer, and its stack row is written after that.
  ASSERT_TRUE(ledger_
                  .Reserve([&] {
                    v1::Reservation reservation = Stray(GetStack().uid());
                    reservation.clear_create_time();
                    reservation.clear_update_time();
                    return reservation;
                  }())
                  .ok());
  ledger_.OnListed([&] { RunTasks(); });
  const Findings found = Compare();
  EXPECT_EQ(found.missing, 0);
  EXPECT_EQ(found.differing, 0);
  EXPECT_EQ(GetStack().state(), v1::Stack::AWAITING_APPROVAL);
  ledger_.OnListed(nullptr);
  RunTasks();
  EXPECT_THAT(ledger_.Held(), SizeIs(2)) << "old and new of the update; the stray one is gone";
}

TEST_P(ReconcilerTest, ReservesAnewWhatQuotaLost) {
  MakeReady();
  const std::string lost = ledger_.Held().at(0).name();
  ledger_.Lose(lost);
  EXPECT_EQ(Compare().missing, 1);
  EXPECT_EQ(metrics_.missing.Value(), 1);
  EXPECT_THAT(EventTypes(), Contains("stack.reservationMissing"));
  ExpectNothingFound();
  RunTasks();
  ASSERT_THAT(ledger_.Held(), SizeIs(1));
  EXPECT_NE(ledger_.Held()[0].name(), lost);
  EXPECT_EQ(ledger_.Held()[0].state(), v1::Reservation::COMMITTED);
  EXPECT_EQ(ledger_.Sum("vcpu"), 2);
  EXPECT_THAT(EventTypes(), Contains("stack.reservationRestored"));
  clock_.Advance(absl::Hours(1));
  ExpectNothingFound();
  // It is the stack's: an update takes its place.
  ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 4)).ok());
  Plan(PlanOf("d2", 1, 2, 1));
  ApproveAll();
  Apply(StateOf(2, 2));
  ASSERT_THAT(ledger_.Held(), SizeIs(1));
  EXPECT_EQ(ledger_.Sum("vcpu"), 4);
}

TEST_P(ReconcilerTest, ReservesAnewWhatWasReleased) {
  MakeReady();
  ASSERT_TRUE(ledger_.Release(ledger_.Held().at(0).name()).ok());
  EXPECT_EQ(Compare().missing, 1);
  RunTasks();
  EXPECT_EQ(ledger_.Sum("vcpu"), 2);
  ASSERT_TRUE(Delete("shop", true).ok());
  RunTasks();
  EXPECT_THAT(ledger_.Held(), IsEmpty());
}

TEST_P(ReconcilerTest, AnUpdateThatWaitsForALostReservationGoesOn) {
  MakeReady();
  ledger_.Lose(ledger_.Held().at(0).name());
  ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 4)).ok());
  EXPECT_EQ(Compare().missing, 1);
  RunTasks();
  Plan(PlanOf("d2", 1, 2, 1));
  EXPECT_EQ(GetStack().state(), v1::Stack::AWAITING_APPROVAL);
}

TEST_P(ReconcilerTest, KeepsAskingForWhatQuotaDoesNotAdmit) {
  MakeReady();
  ledger_.Lose(ledger_.Held().at(0).name());
  ledger_.Refuse(Error(v1::QUOTA_EXCEEDED, "others took it"));
  EXPECT_EQ(Compare().missing, 1);
  RunTasks();
  EXPECT_THAT(ledger_.Held(), IsEmpty());
  clock_.Advance(absl::Minutes(1));
  ExpectNothingFound();
  ledger_.Refuse(absl::OkStatus());
  clock_.Advance(absl::Minutes(5));
  RunTasks();
  EXPECT_EQ(ledger_.Sum("vcpu"), 2);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM tasks WHERE name LIKE 'restore/%'"), 0);
}

TEST_P(ReconcilerTest, AStackThatGoesMeanwhileTakesWhatWasRestoredWithIt) {
  MakeReady();
  ledger_.Lose(ledger_.Held().at(0).name());
  EXPECT_EQ(Compare().missing, 1);
  ASSERT_TRUE(Delete("shop", true).ok());
  RunTasks();
  EXPECT_THAT(ledger_.Held(), IsEmpty());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM tasks"), 0);
}

TEST_P(ReconcilerTest, CommitsAnewWhatDiffers) {
  MakeReady();
  v1::Reservation other = ledger_.Held().at(0);
  other.mutable_amounts(0)->set_value(7);
  ledger_.Put(other);
  EXPECT_EQ(Compare().differing, 1);
  EXPECT_THAT(EventTypes(), Contains("stack.reservationDiffers"));
  RunTasks();
  EXPECT_EQ(ledger_.Sum("vcpu"), 2);
  other = ledger_.Held().at(0);
  other.set_state(v1::Reservation::PENDING);
  ledger_.Put(other);
  EXPECT_EQ(Compare().differing, 1);
  RunTasks();
  EXPECT_EQ(ledger_.Held().at(0).state(), v1::Reservation::COMMITTED);
  ExpectNothingFound();
}

TEST_P(ReconcilerTest, WithoutAnAnswerFromQuotaNothingIsConcluded) {
  MakeReady();
  ledger_.SetDown(true);
  EXPECT_FALSE(reconciler_->Compare().ok());
  EXPECT_EQ(metrics_.last_success.Value(), 0);
  EXPECT_THAT(EventTypes(), Not(Contains("stack.reservationMissing")));
}

}  // namespace
}  // namespace stackyard::stacks
