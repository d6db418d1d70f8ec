// What the service does with quota, and the end of leases.
#include "services/stacks/saga.h"

#include "services/stacks/test_env.h"

namespace stackyard::stacks {
namespace {

using internal::v1::Assignment;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class SagaTest : public StacksTest {};

STACKS_TEST_ON_BOTH(SagaTest);

TEST_P(SagaTest, QuotaThatIsRefusedEndsTheChangeAndHoldsNothing) {
  absl::Status refusal = Error(v1::QUOTA_EXCEEDED, "vcpu: 4 asked, 30 of 32 used");
  google::rpc::QuotaFailure failure;
  failure.add_violations()->set_subject("projects/web/quota/limits/vcpu");
  AttachDetail(refusal, failure);
  ledger_.Refuse(refusal);
  const Operation operation = Create("shop");
  Plan(PlanOf("d1", 2, 2));
  EXPECT_EQ(GetStack().state(), v1::Stack::FAILED);
  EXPECT_THAT(GetStack().state_detail().message(), HasSubstr("30 of 32 used"));
  const absl::Status error = ErrorOf(operation.name());
  EXPECT_EQ(ReasonOf(error), v1::QUOTA_EXCEEDED);
  google::rpc::QuotaFailure told;
  ASSERT_TRUE(ReadDetail(error, told));
  EXPECT_EQ(told.violations(0).subject(), "projects/web/quota/limits/vcpu");
  EXPECT_THAT(ledger_.Held(), IsEmpty());
  EXPECT_FALSE(TryAcquire().has_value());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM tasks"), 0);
}

TEST_P(SagaTest, WithoutAnAnswerFromQuotaNothingIsProvisioned) {
  ledger_.SetDown(true);
  const Operation operation = Create("shop");
  Plan(PlanOf("d1", 1, 1));
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(GetStack().state(), v1::Stack::PLANNING);
    EXPECT_FALSE(TryAcquire().has_value());
    clock_.Advance(absl::Minutes(1));
    RunTasks();
  }
  EXPECT_GE(ledger_.reserve_calls(), 6) << "asked again and again";
  EXPECT_FALSE(GetOperation(operation.name()).done());
  ledger_.SetDown(false);
  clock_.Advance(absl::Minutes(1));
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::AWAITING_APPROVAL);
  EXPECT_THAT(ledger_.Held(), SizeIs(1));
}

TEST_P(SagaTest, APlanThatCannotBeCountedIsRefused) {
  Create("shop");
  auto plan = PlanOf("d1", 1, 1);
  plan.mutable_resources(0)->clear_attributes();
  Plan(plan);
  EXPECT_EQ(GetStack().state(), v1::Stack::FAILED);
  EXPECT_THAT(GetStack().state_detail().message(), HasSubstr("aws_instance.web[0]"));
  EXPECT_EQ(ledger_.reserve_calls(), 0);
}

TEST_P(SagaTest, AnApplyThatFailsHalfWayHoldsWhatIsThere) {
  const Operation operation = Create("shop");
  Plan(PlanOf("d1", 3, 3));
  EXPECT_EQ(ledger_.Sum("vcpu"), 6);
  ApproveAll();
  const Assignment apply = Acquire(Assignment::APPLY);
  ASSERT_TRUE(SaveState(apply, StateOf(1, 1)).ok());
  ASSERT_TRUE(Complete(apply, RunFailed("aws_instance.web[1]: no capacity")).ok());
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::FAILED);
  EXPECT_EQ(GetStack().resource_count(), 1);
  EXPECT_EQ(GetStack().applied_revision(), 0);
  EXPECT_EQ(GetRevision(1).state(), v1::Revision::FAILED);
  ASSERT_THAT(ledger_.Held(), SizeIs(1));
  EXPECT_EQ(ledger_.Held()[0].state(), v1::Reservation::COMMITTED);
  EXPECT_EQ(ledger_.Sum("vcpu"), 2) << "what the state really holds";
  EXPECT_EQ(ReasonOf(ErrorOf(operation.name())), v1::RUN_FAILED);

  v1::RetryStackRequest retry;
  retry.set_name(StackOf("shop"));
  ASSERT_TRUE(stacks_->Retry(Ann(), retry).ok());
  Plan(PlanOf("d2", 2, 3, 1));
  ApproveAll();
  Apply(StateOf(2, 3));
  EXPECT_EQ(GetStack().state(), v1::Stack::READY);
  ASSERT_THAT(ledger_.Held(), SizeIs(1)) << "the second reservation took the place of the first";
  EXPECT_EQ(ledger_.Sum("vcpu"), 6);
  EXPECT_EQ(ReasonOf(stacks_->Retry(Ann(), retry).status()), v1::WRONG_STATE);
}

TEST_P(SagaTest, AnApplyThatFailsBeforeAnythingIsThereHoldsNothing) {
  Create("shop");
  Plan(PlanOf("d1", 1, 1));
  ApproveAll();
  ASSERT_TRUE(Complete(Acquire(Assignment::APPLY), RunFailed("no credentials")).ok());
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::FAILED);
  EXPECT_THAT(ledger_.Held(), IsEmpty());
}

TEST_P(SagaTest, AStateThatCannotBeCountedHoldsWhatWasPlanned) {
  Create("shop");
  Plan(PlanOf("d1", 2, 2));
  ApproveAll();
  Apply(StateOf(1, 2, "null"));
  EXPECT_EQ(GetStack().state(), v1::Stack::READY);
  EXPECT_EQ(ledger_.Held().at(0).state(), v1::Reservation::COMMITTED);
  EXPECT_EQ(ledger_.Sum("vcpu"), 4);
}

TEST_P(SagaTest, AnUpdateTakesThePlaceOfWhatWasHeld) {
  MakeReady();
  const std::string first = ledger_.Held().at(0).name();
  ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 4)).ok());
  Plan(PlanOf("d2", 1, 2, 1));
  ASSERT_THAT(ledger_.Held(), SizeIs(2));
  ApproveAll();
  Apply(StateOf(2, 2));
  EXPECT_EQ(GetStack().state(), v1::Stack::READY);
  EXPECT_EQ(GetStack().parameters().fields().at("size").number_value(), 4);
  ASSERT_THAT(ledger_.Held(), SizeIs(1));
  EXPECT_NE(ledger_.Held()[0].name(), first);
  EXPECT_EQ(ledger_.Held()[0].supersedes(), first);
  EXPECT_EQ(ledger_.Sum("vcpu"), 4);
}

TEST_P(SagaTest, AnUpdatedStackThatGoesBeforeQuotaAnswersHoldsNothing) {
  MakeReady();
  ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 4)).ok());
  Plan(PlanOf("d2", 1, 2, 1));
  ApproveAll();
  ledger_.SetDown(true);
  Apply(StateOf(2, 2));
  ASSERT_THAT(ledger_.Held(), SizeIs(2)) << "the commit waits, and with it the older one";
  ASSERT_TRUE(Delete("shop", /*abandon=*/true).ok());
  ledger_.SetDown(false);
  // The release is due before the commit is tried again.
  RunTasks();
  clock_.Advance(absl::Minutes(1));
  RunTasks();
  EXPECT_THAT(ledger_.Held(), IsEmpty());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM tasks"), 0);
}

TEST_P(SagaTest, TheEndOfTheLeaseDestroys) {
  MakeReady();
  clock_.Advance(absl::Hours(72) - absl::Seconds(1));
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::READY);
  clock_.Advance(absl::Seconds(1));
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYING);
  const Assignment first = Acquire(Assignment::DESTROY);
  ASSERT_TRUE(Complete(first, RunFailed("throttled")).ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::FAILED);
  clock_.Advance(absl::Minutes(10));
  RunTasks();
  const Assignment second = Acquire(Assignment::DESTROY);
  ASSERT_TRUE(SaveState(second, StateOf(2, 0)).ok());
  ASSERT_TRUE(Complete(second).ok());
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYED);
  EXPECT_THAT(ledger_.Held(), IsEmpty());
}

TEST_P(SagaTest, ALeaseThatEndsWhileAStackIsUpdatedIsSeenToAfterwards) {
  MakeReady();
  ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 4)).ok());
  const Assignment plan = Acquire(Assignment::PLAN);
  clock_.Advance(absl::Hours(73));
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::PLANNING);
  ASSERT_TRUE(Complete(plan, RunFailed("no")).ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::READY);
  clock_.Advance(absl::Minutes(1));
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYING);
}

}  // namespace
}  // namespace stackyard::stacks
