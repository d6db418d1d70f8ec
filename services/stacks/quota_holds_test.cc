// Quota follows what is there, also beyond the lease.
#include "services/stacks/quota_holds.h"

#include "services/stacks/test_env.h"

namespace stackyard::stacks {
namespace {

using internal::v1::Assignment;
using testing::IsEmpty;
using testing::SizeIs;

class QuotaHoldsTest : public StacksTest {
 protected:
  void Pass(absl::Duration time) {
    clock_.Advance(time);
    RunTasks();
  }
  absl::Time HeldUntil() {
    EXPECT_THAT(ledger_.Held(), SizeIs(1));
    return ledger_.Held().empty() ? absl::InfinitePast() : FromProto(ledger_.Held()[0].end_time());
  }
  absl::Time LeaseEnd() { return FromProto(GetStack().lease().end_time()); }
};

STACKS_TEST_ON_BOTH(QuotaHoldsTest);

TEST_P(QuotaHoldsTest, IsHeldWithoutAGapUntilEverythingIsGone) {
  MakeReady();
  EXPECT_EQ(HeldUntil(), LeaseEnd());
  Pass(absl::Hours(72) - absl::Minutes(2));
  EXPECT_EQ(HeldUntil(), LeaseEnd()) << "not before it has to be";
  Pass(absl::Minutes(1));
  EXPECT_EQ(HeldUntil(), LeaseEnd() + absl::Hours(1)) << "before the window is over";
  Pass(absl::Minutes(1));
  for (int i = 0; i < 100; ++i) {
    if (const auto destroy = TryAcquire()) {
      ASSERT_TRUE(Complete(*destroy, RunFailed("no")).ok());
    }
    Pass(absl::Minutes(10));
    EXPECT_GT(HeldUntil(), clock_.TimeNow());
    EXPECT_EQ(ledger_.Held()[0].state(), v1::Reservation::COMMITTED);
    EXPECT_EQ(ledger_.Sum("vcpu"), 2);
  }
  clock_.Advance(absl::Hours(6));
  RunTasks();
  const Assignment destroy = Acquire(Assignment::DESTROY);
  ASSERT_TRUE(SaveState(destroy, StateOf(2, 0)).ok());
  ASSERT_TRUE(Complete(destroy).ok());
  RunTasks();
  EXPECT_THAT(ledger_.Held(), IsEmpty());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM tasks"), 0);
}

TEST_P(QuotaHoldsTest, WhatOthersHaveBookedDoesNotMakeItGoAway) {
  MakeReady();
  // Refuses whatever asks for something, as a full ledger does.
  ledger_.RefuseAmounts(Error(v1::QUOTA_EXCEEDED, "booked by others"));
  Pass(absl::Hours(72));
  EXPECT_EQ(HeldUntil(), LeaseEnd() + absl::Hours(1));
  EXPECT_EQ(ledger_.Sum("vcpu"), 2) << "committed: what is there";
}

TEST_P(QuotaHoldsTest, ALongSilenceOfQuotaIsCaughtUp) {
  MakeReady();
  ledger_.SetDown(true);
  Pass(absl::Hours(72));
  ASSERT_TRUE(Complete(Acquire(Assignment::DESTROY), RunFailed("no")).ok());
  Pass(absl::Hours(5));
  ledger_.SetDown(false);
  Pass(absl::Minutes(1));
  EXPECT_GT(HeldUntil(), clock_.TimeNow() + absl::Minutes(50));
  EXPECT_EQ(ledger_.Held()[0].state(), v1::Reservation::COMMITTED);
}

TEST_P(QuotaHoldsTest, GoesAfterTheLastUpdate) {
  MakeReady();
  ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 4)).ok());
  Plan(PlanOf("d2", 1, 2, 1));
  ApproveAll();
  const Assignment apply = Acquire(Assignment::APPLY);
  // The lease ends while it is applied: two reservations, one on its way to take the other's place.
  Pass(absl::Hours(73));
  EXPECT_THAT(ledger_.Held(), SizeIs(2));
  ASSERT_TRUE(SaveState(apply, StateOf(2, 2)).ok());
  ASSERT_TRUE(Complete(apply).ok());
  Pass(absl::Minutes(1));
  EXPECT_GT(HeldUntil(), clock_.TimeNow());
  EXPECT_EQ(ledger_.Sum("vcpu"), 4);
}

TEST_P(QuotaHoldsTest, ARepeatedStepReservesOnce) {
  MakeReady();
  clock_.Advance(absl::Hours(72) - absl::Seconds(30));
  // Written down what is to be held.
  ASSERT_TRUE(saga_->RunDue().ok());
  const int before = static_cast<int>(ledger_.All().size());
  const auto claim = [&] {
    return store_->WriteValue<std::vector<DueTask>>(Actor(), [](Change& change) {
      return ClaimTasks(change, 8, change.now + absl::Seconds(1));
    });
  };
  const auto first = claim();
  ASSERT_THAT(*first, SizeIs(1));
  ASSERT_EQ(first->at(0).record.kind(), TaskRecord::HOLD_ON);
  clock_.Advance(absl::Seconds(2));
  const auto second = claim();
  ASSERT_THAT(*second, SizeIs(1));
  ASSERT_TRUE(HoldOn(*store_, ledger_, first->at(0)).ok()) << "too late, and does no harm";
  ASSERT_TRUE(HoldOn(*store_, ledger_, second->at(0)).ok());
  RunTasks();
  EXPECT_EQ(static_cast<int>(ledger_.All().size()), before + 1);
  EXPECT_EQ(HeldUntil(), LeaseEnd() + absl::Hours(1));
}

}  // namespace
}  // namespace stackyard::stacks
