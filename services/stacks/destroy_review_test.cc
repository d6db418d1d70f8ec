// The end of a stack that waits for review.
#include "services/stacks/destroy_review.h"

#include "services/stacks/test_env.h"

namespace stackyard::stacks {
namespace {

using internal::v1::Assignment;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class DestroyReviewTest : public StacksTest {
 protected:
  void SetUp() override {
    StacksTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    Publish("careful", ShopYaml("{mode: auto, reviewer_role: devops, required_approvals: 2, "
                                "review_destroy: true, expires_after: 24h}"));
  }
  // A READY stack whose end is asked for.
  ChangeRequest Ask(bool abandon = false) {
    MakeReadyFrom("templates/shop/versions/careful", "shop", 2);
    v1::DeleteStackRequest request;
    request.set_name(StackOf("shop"));
    request.set_reason("the sale is over");
    request.set_abandon(abandon);
    const auto operation = stacks_->Delete(Ann(), request);
    EXPECT_TRUE(operation.ok()) << operation.status();
    if (operation.ok()) operation_ = operation->name();
    return GetRequest(GetStack().change_request());
  }
  void ExpectKept(const std::string& why) {
    EXPECT_EQ(GetStack().state(), v1::Stack::READY);
    EXPECT_THAT(GetStack().state_detail().message(), HasSubstr(why));
    const absl::Status error = ErrorOf(operation_);
    EXPECT_EQ(ReasonOf(error), v1::REQUEST_CLOSED);
    EXPECT_THAT(std::string(error.message()), HasSubstr(why));
    EXPECT_FALSE(TryAcquire().has_value());
    EXPECT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 4)).ok()) << "it goes on";
  }

  std::string operation_;
};

STACKS_TEST_ON_BOTH(DestroyReviewTest);

TEST_P(DestroyReviewTest, WaitsForTwoOthersAndThenDestroys) {
  const ChangeRequest request = Ask();
  EXPECT_EQ(request.type(), ChangeRequest::DESTROY);
  EXPECT_EQ(request.summary(), "2 resources to destroy");
  EXPECT_EQ(request.reason(), "the sale is over");
  EXPECT_FALSE(request.plan_digest().empty()) << "what would be destroyed";
  EXPECT_EQ(GetStack().state(), v1::Stack::READY);
  v1::OperationMetadata metadata;
  ASSERT_TRUE(GetOperation(operation_).metadata().UnpackTo(&metadata));
  EXPECT_EQ(metadata.stage(), v1::OperationMetadata::AWAITING_APPROVAL);
  EXPECT_EQ(metadata.change_request(), request.name());
  EXPECT_FALSE(TryAcquire().has_value());
  EXPECT_EQ(ReasonOf(Delete("shop")), v1::WRONG_STATE) << "asked for once";

  EXPECT_EQ(ReasonOf(Approve(Person("ann", {"devops"}), request).status()), v1::SELF_REVIEW);
  ASSERT_TRUE(Approve(Dan(), request).ok());
  EXPECT_FALSE(TryAcquire().has_value());
  ASSERT_TRUE(Approve(Person("eve", {"devops"}), request).ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYING);
  const Assignment destroy = Acquire(Assignment::DESTROY);
  ASSERT_TRUE(SaveState(destroy, StateOf(2, 0)).ok());
  ASSERT_TRUE(Complete(destroy).ok());
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYED);
  EXPECT_TRUE(GetOperation(operation_).done());
  EXPECT_TRUE(ErrorOf(operation_).ok());
  EXPECT_THAT(ledger_.Held(), IsEmpty());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM tasks"), 0);
}

TEST_P(DestroyReviewTest, ForgettingIsReviewedToo) {
  const ChangeRequest request = Ask(/*abandon=*/true);
  EXPECT_EQ(request.summary(), "2 resources to forget");
  ASSERT_TRUE(Approve(Dan(), request).ok());
  ASSERT_TRUE(Approve(Person("eve", {"devops"}), request).ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYED);
  EXPECT_FALSE(TryAcquire().has_value());
}

TEST_P(DestroyReviewTest, RejectedLeavesTheStackInUse) {
  const ChangeRequest request = Ask();
  v1::RejectChangeRequestRequest reject;
  reject.set_name(request.name());
  reject.set_reason("others use it");
  ASSERT_TRUE(reviews_->Reject(Dan(), reject).ok());
  ExpectKept("others use it");
}

TEST_P(DestroyReviewTest, CancellingTheOperationWithdraws) {
  const ChangeRequest request = Ask();
  v1::CancelOperationRequest cancel;
  cancel.set_name(operation_);
  ASSERT_TRUE(operations_->Cancel(Ann(), cancel).ok());
  EXPECT_EQ(GetRequest(request.name()).state(), ChangeRequest::WITHDRAWN);
  ExpectKept("cancelled by users/ann");
}

TEST_P(DestroyReviewTest, ExpiresUnanswered) {
  Ask();
  clock_.Advance(absl::Hours(24));
  RunTasks();
  ExpectKept("nobody answered");
}

TEST_P(DestroyReviewTest, AStateThatMovedOnIsAskedAgain) {
  const ChangeRequest old = Ask();
  ASSERT_TRUE(Approve(Dan(), old).ok());
  ASSERT_TRUE(
      store_
          ->Write(Actor(),
                  [&](Change& change) -> absl::Status {
                    ASSIGN_OR_RETURN(StackRecord record, LockStack(change, {"web", "shop"}));
                    record.set_state_digest("another");
                    return SaveStack(change, record);
                  })
          .ok());
  const Principal eve = Person("eve", {"devops"});
  EXPECT_EQ(ReasonOf(Approve(eve, old).status()), v1::PLAN_STALE);
  EXPECT_EQ(GetRequest(old.name()).state(), ChangeRequest::STALE);
  const ChangeRequest fresh = GetRequest(GetStack().change_request());
  EXPECT_NE(fresh.name(), old.name());
  EXPECT_EQ(fresh.plan_digest(), "another");
  EXPECT_EQ(fresh.requester(), "users/ann");
  EXPECT_EQ(fresh.reviews_size(), 0);
  ASSERT_TRUE(Approve(Dan(), fresh).ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::READY);
  ASSERT_TRUE(Approve(eve, fresh).ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYING);
}

TEST_P(DestroyReviewTest, TheEndOfTheLeaseNeverWaits) {
  MakeReadyFrom("templates/shop/versions/careful");
  clock_.Advance(absl::Hours(72));
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYING);
}

TEST_P(DestroyReviewTest, TheEndOfTheLeaseOvertakesReviewers) {
  Publish("slow", ShopYaml("{mode: auto, review_destroy: true, expires_after: 30d}"));
  MakeReadyFrom("templates/shop/versions/slow");
  ASSERT_TRUE(Delete("shop").ok());
  operation_ = GetStack().operation();
  const std::string request = GetStack().change_request();
  clock_.Advance(absl::Hours(72));
  for (int i = 0; i < 3; ++i) RunTasks();
  clock_.Advance(absl::Minutes(1));
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYING);
  EXPECT_NE(GetRequest(request).state(), ChangeRequest::PENDING);
  EXPECT_EQ(ReasonOf(ErrorOf(operation_)), v1::REQUEST_CLOSED);
}

TEST_P(DestroyReviewTest, WhereNothingIsThereNobodyIsAsked) {
  v1::CreateStackRequest create = CreateRequest("shop");
  create.mutable_stack()->set_template_version("templates/shop/versions/careful");
  ASSERT_TRUE(stacks_->Create(Ann(), create).ok());
  ledger_.Refuse(Error(v1::QUOTA_EXCEEDED, "full"));
  Plan(PlanOf("d1", 1, 1));
  ASSERT_TRUE(Delete("shop").ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYED);
}

TEST_P(DestroyReviewTest, WithoutThePolicyNobodyIsAsked) {
  MakeReady();
  ASSERT_TRUE(Delete("shop").ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYING);
}

}  // namespace
}  // namespace stackyard::stacks
