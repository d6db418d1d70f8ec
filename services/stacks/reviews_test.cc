// Who decides on a change, and what follows.
#include "services/stacks/reviews.h"

#include <atomic>

#include "absl/strings/str_cat.h"
#include "common/work.h"
#include "services/stacks/test_env.h"

namespace stackyard::stacks {
namespace {

using internal::v1::Assignment;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class ReviewsTest : public StacksTest {
 protected:
  // A stack that waits for review of the plan `d1`.
  ChangeRequest Ask() {
    operation_ = Create("shop").name();
    Plan(PlanOf("d1", 1, 1));
    return PendingRequest();
  }
  absl::Status Reject(const Principal& who, const ChangeRequest& request,
                      const std::string& reason = "no") {
    v1::RejectChangeRequestRequest reject;
    reject.set_name(request.name());
    reject.set_reason(reason);
    return reviews_->Reject(who, reject).status();
  }
  absl::Status Withdraw(const Principal& who, const ChangeRequest& request) {
    v1::WithdrawChangeRequestRequest withdraw;
    withdraw.set_name(request.name());
    return reviews_->Withdraw(who, withdraw).status();
  }
  // The stack came to nothing, and nothing is left of it.
  void ExpectRejected(ChangeRequest::State state, const std::string& message) {
    RunTasks();
    EXPECT_EQ(GetStack().state(), v1::Stack::REJECTED);
    EXPECT_THAT(GetStack().state_detail().message(), HasSubstr(message));
    EXPECT_EQ(GetRequest(GetStack().change_request()).state(), state);
    EXPECT_EQ(GetRevision(1).state(), v1::Revision::REJECTED);
    EXPECT_EQ(ReasonOf(ErrorOf(operation_)), v1::REQUEST_CLOSED);
    EXPECT_THAT(ledger_.All(), SizeIs(1));
    EXPECT_THAT(ledger_.Held(), IsEmpty());
    EXPECT_FALSE(TryAcquire().has_value());
    EXPECT_EQ(Count("SELECT COUNT(*) FROM tasks"), 0);
    EXPECT_FALSE(Create("shop").name().empty()) << "the name is free";
  }

  std::string operation_;
};

STACKS_TEST_ON_BOTH(ReviewsTest);

TEST_P(ReviewsTest, NobodyReviewsTheirOwnRequest) {
  const ChangeRequest request = Ask();
  const Principal boss = Person("ann", {"devops", "admin"});
  EXPECT_EQ(ReasonOf(Approve(boss, request).status()), v1::SELF_REVIEW);
  EXPECT_EQ(ReasonOf(Reject(boss, request)), v1::SELF_REVIEW);
  EXPECT_EQ(GetRequest(request.name()).reviews_size(), 0);
  EXPECT_EQ(GetStack().state(), v1::Stack::AWAITING_APPROVAL);
}

TEST_P(ReviewsTest, ReviewersNeedTheRoleOfThePolicy) {
  const ChangeRequest request = Ask();
  for (const std::vector<std::string>& roles :
       std::vector<std::vector<std::string>>{{}, {"dev"}, {"viewer"}}) {
    EXPECT_EQ(ReasonOf(Approve(Person("bob", roles), request).status()), v1::PERMISSION_MISSING);
    EXPECT_EQ(ReasonOf(Reject(Person("bob", roles), request)), v1::PERMISSION_MISSING);
  }
  EXPECT_TRUE(Approve(Person("root", {"admin"}), request).ok()) << "admins hold every role";
}

TEST_P(ReviewsTest, OnlyThePlanThatWasReadIsApproved) {
  const ChangeRequest request = Ask();
  ChangeRequest other = request;
  other.set_plan_digest("another");
  EXPECT_EQ(ReasonOf(Approve(Dan(), other).status()), v1::PLAN_STALE);
  other.clear_plan_digest();
  EXPECT_EQ(ReasonOf(Approve(Dan(), other).status()), v1::INVALID_FIELD);
  EXPECT_EQ(GetStack().state(), v1::Stack::AWAITING_APPROVAL);
  v1::ApproveChangeRequestRequest approval;
  approval.set_name(request.name());
  approval.set_plan_digest(request.plan_digest());
  approval.set_etag("old");
  EXPECT_EQ(ReasonOf(reviews_->Approve(Dan(), approval).status()), v1::ETAG_MISMATCH);
}

TEST_P(ReviewsTest, RejectedIsOver) {
  const ChangeRequest request = Ask();
  EXPECT_EQ(ReasonOf(Reject(Dan(), request, "")), v1::INVALID_FIELD) << "the requester reads it";
  ASSERT_TRUE(Reject(Dan(), request, "use the old one").ok());
  ExpectRejected(ChangeRequest::REJECTED, "rejected by users/dan: use the old one");
  EXPECT_EQ(ReasonOf(Approve(Dan(), request).status()), v1::REQUEST_CLOSED);
  EXPECT_EQ(ReasonOf(Reject(Dan(), request)), v1::REQUEST_CLOSED);
}

TEST_P(ReviewsTest, TheRequesterMayWithdraw) {
  const ChangeRequest request = Ask();
  EXPECT_EQ(ReasonOf(Withdraw(Dan(), request)), v1::PERMISSION_MISSING);
  ASSERT_TRUE(Withdraw(Ann(), request).ok());
  ExpectRejected(ChangeRequest::WITHDRAWN, "withdrawn by users/ann");
}

TEST_P(ReviewsTest, CancellingTheOperationWithdraws) {
  Ask();
  v1::CancelOperationRequest cancel;
  cancel.set_name(operation_);
  EXPECT_EQ(ReasonOf(operations_->Cancel(Dan(), cancel).status()), v1::PERMISSION_MISSING);
  ASSERT_TRUE(operations_->Cancel(Ann(), cancel).ok());
  ExpectRejected(ChangeRequest::WITHDRAWN, "cancelled by users/ann");
}

TEST_P(ReviewsTest, ARequestThatNobodyAnswersExpires) {
  const ChangeRequest request = Ask();
  clock_.Advance(absl::Hours(24) - absl::Seconds(1));
  RunTasks();
  EXPECT_EQ(GetRequest(request.name()).state(), ChangeRequest::PENDING);
  clock_.Advance(absl::Seconds(1));
  ExpectRejected(ChangeRequest::EXPIRED, "nobody answered the request in time");
}

TEST_P(ReviewsTest, AnAnsweredRequestDoesNotExpire) {
  const ChangeRequest request = Ask();
  ASSERT_TRUE(Approve(Dan(), request).ok());
  clock_.Advance(absl::Hours(25));
  RunTasks();
  EXPECT_EQ(GetRequest(request.name()).state(), ChangeRequest::APPROVED);
  EXPECT_EQ(GetStack().state(), v1::Stack::APPLYING);
}

TEST_P(ReviewsTest, AsManyPeopleAsThePolicySays) {
  Publish("strict", ShopYaml("{mode: required, reviewer_role: devops, required_approvals: 2}"));
  v1::CreateStackRequest create = CreateRequest("shop");
  create.mutable_stack()->set_template_version("templates/shop/versions/strict");
  ASSERT_TRUE(stacks_->Create(Ann(), create).ok());
  Plan(PlanOf("d1", 1, 1));
  const ChangeRequest request = PendingRequest();
  ASSERT_TRUE(Approve(Dan(), request).ok());
  const auto twice = Approve(Dan(), request);
  ASSERT_TRUE(twice.ok()) << twice.status();
  EXPECT_EQ(twice->state(), ChangeRequest::PENDING) << "one person counts once";
  EXPECT_EQ(GetStack().state(), v1::Stack::AWAITING_APPROVAL);
  const auto enough = Approve(Person("eve", {"devops"}), request);
  ASSERT_TRUE(enough.ok()) << enough.status();
  EXPECT_EQ(enough->state(), ChangeRequest::APPROVED);
  EXPECT_EQ(GetStack().state(), v1::Stack::APPLYING);
}

TEST_P(ReviewsTest, OneNoIsEnough) {
  Publish("strict", ShopYaml("{mode: required, reviewer_role: devops, required_approvals: 2}"));
  v1::CreateStackRequest create = CreateRequest("shop");
  create.mutable_stack()->set_template_version("templates/shop/versions/strict");
  operation_ = stacks_->Create(Ann(), create)->name();
  Plan(PlanOf("d1", 1, 1));
  const ChangeRequest request = PendingRequest();
  ASSERT_TRUE(Approve(Dan(), request).ok());
  ASSERT_TRUE(Reject(Person("eve", {"devops"}), request).ok());
  ExpectRejected(ChangeRequest::REJECTED, "rejected by users/eve");
}

TEST_P(ReviewsTest, WhoChangesAnothersStackDoesNotReviewThat) {
  MakeReady();
  ASSERT_TRUE(stacks_->Update(Dan(), UpdateRequest("shop", 4)).ok()) << "Ann's stack";
  Plan(PlanOf("d2", 1, 2, 1));
  const ChangeRequest request = PendingRequest();
  EXPECT_EQ(request.requester(), "users/dan");
  EXPECT_EQ(ReasonOf(Approve(Dan(), request).status()), v1::SELF_REVIEW);
  EXPECT_TRUE(Approve(Person("eve", {"devops"}), request).ok());
}

TEST_P(ReviewsTest, APlanWhoseStateMovedOnIsPlannedAndAskedAgain) {
  Publish("strict", ShopYaml("{mode: required, reviewer_role: devops, required_approvals: 2}"));
  MakeReady();
  v1::UpdateStackRequest update = UpdateRequest("shop", 4);
  update.mutable_stack()->set_template_version("templates/shop/versions/strict");
  update.mutable_update_mask()->add_paths("template_version");
  const auto operation = stacks_->Update(Ann(), update);
  ASSERT_TRUE(operation.ok()) << operation.status();
  Plan(PlanOf("d2", 1, 2, 1));
  const ChangeRequest old = PendingRequest();
  ASSERT_TRUE(Approve(Dan(), old).ok());
  // Somebody else writes the state.
  ASSERT_TRUE(
      store_
          ->Write(Actor(),
                  [&](Change& change) -> absl::Status {
                    ASSIGN_OR_RETURN(StackRecord record, LockStack(change, {"web", "shop"}));
                    record.set_state_serial(record.state_serial() + 1);
                    return SaveStack(change, record);
                  })
          .ok());
  const Principal eve = Person("eve", {"devops"});
  EXPECT_EQ(ReasonOf(Approve(eve, old).status()), v1::PLAN_STALE);
  EXPECT_EQ(GetRequest(old.name()).state(), ChangeRequest::STALE);
  EXPECT_EQ(GetStack().state(), v1::Stack::PLANNING);
  EXPECT_EQ(ReasonOf(Approve(eve, old).status()), v1::PLAN_STALE) << "its plan is gone";
  EXPECT_THAT(EventsOf("changeRequest.stale"), SizeIs(1));
  EXPECT_FALSE(GetOperation(operation->name()).done());

  RunTasks();
  Plan(PlanOf("d3", 2, 3, 1));
  clock_.Advance(absl::Minutes(1));
  RunTasks();
  const ChangeRequest fresh = PendingRequest();
  EXPECT_NE(fresh.name(), old.name());
  EXPECT_EQ(fresh.plan_digest(), "d3");
  EXPECT_EQ(fresh.reviews_size(), 0) << "old approvals do not count";
  ASSERT_TRUE(Approve(Dan(), fresh).ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::AWAITING_APPROVAL);
  ASSERT_TRUE(Approve(eve, fresh).ok());
  Apply(StateOf(3, 3));
  EXPECT_EQ(GetStack().state(), v1::Stack::READY);
  EXPECT_THAT(ledger_.Held(), SizeIs(1));
  EXPECT_TRUE(GetOperation(operation->name()).done());
}

TEST_P(ReviewsTest, TheFirstOfTwoApprovalsIsNoApproval) {
  Publish("strict", ShopYaml("{mode: required, reviewer_role: devops, required_approvals: 2}"));
  v1::CreateStackRequest create = CreateRequest("shop");
  create.mutable_stack()->set_template_version("templates/shop/versions/strict");
  ASSERT_TRUE(stacks_->Create(Ann(), create).ok());
  Plan(PlanOf("d1", 1, 1));
  ASSERT_TRUE(Approve(Dan(), PendingRequest()).ok());
  EXPECT_THAT(EventsOf("changeRequest.reviewed"), SizeIs(1));
  EXPECT_THAT(EventsOf("changeRequest.approved"), IsEmpty());
  ASSERT_TRUE(Approve(Person("eve", {"devops"}), PendingRequest()).ok());
  ASSERT_THAT(EventsOf("changeRequest.approved"), SizeIs(1));
  const v1::Event event = EventsOf("changeRequest.approved")[0];
  EXPECT_EQ(event.details().fields().at("requester").string_value(), "users/ann");
  EXPECT_EQ(event.details().fields().at("type").string_value(), "PROVISION");
}

TEST_P(ReviewsTest, ARequestThatIsLateIsOverWhoeverTellsItFirst) {
  const ChangeRequest request = Ask();
  clock_.Advance(absl::Hours(24));
  EXPECT_EQ(ReasonOf(Approve(Dan(), request).status()), v1::REQUEST_CLOSED);
  EXPECT_EQ(ReasonOf(Reject(Dan(), request)), v1::REQUEST_CLOSED);
  RunTasks();
  EXPECT_EQ(GetRequest(request.name()).state(), ChangeRequest::EXPIRED);
  EXPECT_THAT(EventsOf("changeRequest.expired"), SizeIs(1));
}

TEST_P(ReviewsTest, ShowsWhatAStackWouldCostAndHowOldThePricesAre) {
  Publish("priced",
          "title: Priced\nmeters:\n"
          "  - {metric: vcpu, resource_type: aws_instance, attribute: size,"
          " price: {per_hour: 0.02, currency: USD, date: 2026-01-31}}\n"
          "  - {metric: budget, cost: true}\n");
  v1::CreateStackRequest create = CreateRequest("shop");
  create.mutable_stack()->set_template_version("templates/shop/versions/priced");
  ASSERT_TRUE(stacks_->Create(Ann(), create).ok());
  Plan(PlanOf("d1", 2, 2));
  const ChangeRequest request = PendingRequest();
  EXPECT_EQ(request.estimated_micros_per_hour(), 80'000);
  EXPECT_EQ(request.currency(), "USD");
  EXPECT_EQ(request.price_date(), "2026-01-31");
  EXPECT_EQ(GetRevision(1).plan().price_date(), "2026-01-31");
  EXPECT_EQ(ledger_.Sum("budget"), 80'000) << "a budget is quota like any other";
  ApproveAll();
  Apply(StateOf(1, 1));
  EXPECT_EQ(GetStack().estimated_micros_per_hour(), 40'000);
  EXPECT_EQ(GetStack().price_date(), "2026-01-31");
  EXPECT_EQ(ledger_.Sum("budget"), 40'000);
}

TEST_P(ReviewsTest, CommentsDecideNothing) {
  const ChangeRequest request = Ask();
  v1::CommentChangeRequestRequest comment;
  comment.set_name(request.name());
  EXPECT_EQ(ReasonOf(reviews_->Comment(Ann(), comment).status()), v1::INVALID_FIELD);
  comment.set_text("please");
  ASSERT_TRUE(reviews_->Comment(Ann(), comment).ok());
  EXPECT_EQ(GetRequest(request.name()).reviews(0).text(), "please");
  EXPECT_EQ(GetStack().state(), v1::Stack::AWAITING_APPROVAL);
}

TEST_P(ReviewsTest, ARepeatedApprovalGetsItsFirstAnswer) {
  const ChangeRequest request = Ask();
  v1::ApproveChangeRequestRequest approval;
  approval.set_name(request.name());
  approval.set_plan_digest("d1");
  approval.set_request_id("once");
  const auto first = reviews_->Approve(Dan(), approval);
  ASSERT_TRUE(first.ok()) << first.status();
  const auto again = reviews_->Approve(Dan(), approval);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->ShortDebugString(), first->ShortDebugString());
}

TEST_P(ReviewsTest, EightReviewersAtOnceMakeOneApply) {
  for (int round = 0; round < 5; ++round) {
    const std::string id = absl::StrCat("shop-", round);
    Create(id);
    Plan(PlanOf(absl::StrCat("d", round), 1, 1));
    const ChangeRequest request = PendingRequest(id);
    std::atomic<int> approved = 0;
    std::atomic<int> closed = 0;
    {
      std::vector<Task> reviewers;
      for (int i = 0; i < 8; ++i) {
        reviewers.emplace_back("reviewer", [&, i] {
          const auto answer = Approve(Person(absl::StrCat("r", i), {"devops"}), request);
          approved += answer.ok();
          closed += ReasonOf(answer.status()) == v1::REQUEST_CLOSED;
        });
      }
    }
    EXPECT_EQ(approved, 1);
    EXPECT_EQ(closed, 7);
    EXPECT_EQ(GetRequest(request.name()).reviews_size(), 1);
    Acquire(Assignment::APPLY);
    EXPECT_FALSE(TryAcquire().has_value());
    EXPECT_EQ(GetStack(id).active_run(), StackOf(id) + "/runs/2");
  }
}

TEST_P(ReviewsTest, YesAndNoAtOnceIsOneOfThem) {
  for (int round = 0; round < 5; ++round) {
    const std::string id = absl::StrCat("shop-", round);
    Create(id);
    Plan(PlanOf(absl::StrCat("d", round), 1, 1));
    const ChangeRequest request = PendingRequest(id);
    std::atomic<int> done = 0;
    {
      std::vector<Task> reviewers;
      reviewers.emplace_back("yes", [&] { done += Approve(Dan(), request).ok(); });
      reviewers.emplace_back("no", [&] { done += Reject(Dan(), request).ok(); });
      reviewers.emplace_back("back", [&] { done += Withdraw(Ann(), request).ok(); });
      reviewers.emplace_back("delete", [&] { done += Delete(id).ok(); });
    }
    EXPECT_GE(done, 1);
    RunTasks();
    const auto state = GetRequest(request.name()).state();
    EXPECT_NE(state, ChangeRequest::PENDING);
    EXPECT_EQ(GetStack(id).state() == v1::Stack::APPLYING, state == ChangeRequest::APPROVED);
    EXPECT_EQ(TryAcquire().has_value(), state == ChangeRequest::APPROVED);
  }
}

TEST_P(ReviewsTest, ListsByProjectAndState) {
  const ChangeRequest first = Ask();
  ASSERT_TRUE(Approve(Dan(), first).ok());
  v1::ListChangeRequestsRequest list;
  list.set_parent(kProject);
  list.set_filter("state = APPROVED");
  const auto approved = reviews_->List(Ann(), list);
  ASSERT_TRUE(approved.ok()) << approved.status();
  EXPECT_EQ(approved->change_requests_size(), 1);
  list.set_filter("state = PENDING");
  EXPECT_EQ(reviews_->List(Ann(), list)->change_requests_size(), 0);
  list.clear_filter();
  list.set_parent("projects/-");
  EXPECT_EQ(reviews_->List(Ann(), list)->change_requests_size(), 1);
  Principal stranger;
  stranger.set_user("users/eve");
  EXPECT_EQ(reviews_->List(stranger, list)->change_requests_size(), 0);
}

}  // namespace
}  // namespace stackyard::stacks
