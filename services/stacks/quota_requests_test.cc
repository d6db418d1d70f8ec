// Requests for more quota.
#include "services/stacks/quota_requests.h"

#include "services/stacks/test_env.h"

namespace stackyard::stacks {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class QuotaRequestsTest : public StacksTest {
 protected:
  v1::CreateQuotaRequestRequest Wish(int64_t amount) {
    v1::CreateQuotaRequestRequest request;
    request.set_parent(kProject);
    request.set_reason("a sale");
    request.mutable_quota_change()->mutable_amount()->set_metric("vcpu");
    request.mutable_quota_change()->mutable_amount()->set_value(amount);
    return request;
  }
  v1::CreateQuotaRequestRequest Grant(int64_t amount, absl::Duration time) {
    v1::CreateQuotaRequestRequest request = Wish(amount);
    *request.mutable_quota_change()->mutable_end_time() = ToProto(clock_.TimeNow() + time);
    return request;
  }
  ChangeRequest Ask(const v1::CreateQuotaRequestRequest& wish) {
    const auto request = quota_requests_->Create(Ann(), wish);
    EXPECT_TRUE(request.ok()) << request.status();
    return request.ok() ? *request : ChangeRequest();
  }
};

STACKS_TEST_ON_BOTH(QuotaRequestsTest);

TEST_P(QuotaRequestsTest, IsReviewedByDevopsAndCarriedOut) {
  const ChangeRequest request = Ask(Wish(8));
  EXPECT_EQ(request.type(), ChangeRequest::QUOTA);
  EXPECT_EQ(request.summary(), "8 more vcpu for good");
  EXPECT_EQ(request.policy().reviewer_role(), "devops");
  EXPECT_EQ(FromProto(request.expire_time()), clock_.TimeNow() + absl::Hours(7 * 24));
  EXPECT_EQ(ReasonOf(Approve(Person("ann", {"admin"}), request).status()), v1::SELF_REVIEW);
  EXPECT_EQ(ReasonOf(Approve(Person("bob", {"dev"}), request).status()), v1::PERMISSION_MISSING);
  RunTasks();
  EXPECT_THAT(quota_changes_.Applied(), IsEmpty()) << "not before somebody approves";
  ASSERT_TRUE(Approve(Dan(), request).ok());
  RunTasks();
  ASSERT_THAT(quota_changes_.Applied(), SizeIs(1));
  const auto applied = quota_changes_.Applied()[0];
  EXPECT_EQ(applied.name(), request.name());
  EXPECT_EQ(applied.amount().value(), 8);
  EXPECT_FALSE(applied.has_end_time());
  EXPECT_EQ(applied.reason(), "a sale");
  EXPECT_THAT(EventsOf("changeRequest.applied"), SizeIs(1));
  EXPECT_EQ(Count("SELECT COUNT(*) FROM tasks"), 0);
}

TEST_P(QuotaRequestsTest, AGrantBeginsNowAndIsNotAskedForAfterItsEnd) {
  const ChangeRequest request = Ask(Grant(8, absl::Hours(24)));
  EXPECT_EQ(FromProto(request.quota_change().start_time()), clock_.TimeNow());
  EXPECT_THAT(request.summary(), HasSubstr("8 more vcpu from "));
  EXPECT_EQ(FromProto(request.expire_time()), clock_.TimeNow() + absl::Hours(24));
  clock_.Advance(absl::Hours(24));
  EXPECT_EQ(ReasonOf(Approve(Dan(), request).status()), v1::REQUEST_CLOSED);
  RunTasks();
  EXPECT_EQ(GetRequest(request.name()).state(), ChangeRequest::EXPIRED);
  EXPECT_THAT(quota_changes_.Applied(), IsEmpty());
}

TEST_P(QuotaRequestsTest, WhileQuotaIsSilentItIsTriedAgain) {
  const ChangeRequest request = Ask(Grant(8, absl::Hours(24)));
  quota_changes_.Refuse(Error(v1::DEPENDENCY_UNAVAILABLE, "quota does not answer"));
  EXPECT_EQ(ReasonOf(quota_requests_->Create(Ann(), Wish(1)).status()), v1::DEPENDENCY_UNAVAILABLE);
  ASSERT_TRUE(Approve(Dan(), request).ok());
  for (int i = 0; i < 3; ++i) {
    RunTasks();
    clock_.Advance(absl::Minutes(1));
  }
  EXPECT_THAT(quota_changes_.Applied(), IsEmpty());
  quota_changes_.Refuse(absl::OkStatus());
  RunTasks();
  EXPECT_THAT(quota_changes_.Applied(), SizeIs(1));
}

TEST_P(QuotaRequestsTest, WhatQuotaRefusesForGoodIsTold) {
  const ChangeRequest request = Ask(Wish(8));
  quota_changes_.Refuse(InvalidField("amount.value", "is too large on top of a limit"));
  ASSERT_TRUE(Approve(Dan(), request).ok());
  RunTasks();
  ASSERT_THAT(EventsOf("changeRequest.failed"), SizeIs(1));
  EXPECT_THAT(EventsOf("changeRequest.failed")[0].message(), HasSubstr("too large"));
  EXPECT_THAT(GetRequest(request.name()).reviews(1).text(), HasSubstr("too large"));
  EXPECT_EQ(Count("SELECT COUNT(*) FROM tasks"), 0);
}

TEST_P(QuotaRequestsTest, EveryFaultIsToldUnderItsName) {
  Violations faults;
  faults.Add("amount.metric", "`unicorns` is not a metric");
  faults.Add("end_time", "must be in the future");
  quota_changes_.Refuse(faults.ToStatus());
  v1::CreateQuotaRequestRequest wish = Wish(1);
  wish.clear_reason();
  const absl::Status refused = quota_requests_->Create(Ann(), wish).status();
  EXPECT_EQ(ReasonOf(refused), v1::INVALID_FIELD);
  google::rpc::BadRequest bad;
  ASSERT_TRUE(ReadDetail(refused, bad));
  std::vector<std::string> fields;
  for (const auto& violation : bad.field_violations()) fields.push_back(violation.field());
  EXPECT_THAT(fields, testing::UnorderedElementsAre("reason", "quota_change.amount.metric",
                                                    "quota_change.end_time"));
  EXPECT_EQ(Count("SELECT COUNT(*) FROM change_requests"), 0);
}

TEST_P(QuotaRequestsTest, RejectedAndWithdrawnComeToNothing) {
  const ChangeRequest first = Ask(Wish(8));
  v1::RejectChangeRequestRequest reject;
  reject.set_name(first.name());
  reject.set_reason("use what you have");
  ASSERT_TRUE(reviews_->Reject(Dan(), reject).ok());
  ASSERT_THAT(EventsOf("changeRequest.rejected"), SizeIs(1));
  EXPECT_THAT(EventsOf("changeRequest.rejected")[0].message(), HasSubstr("use what you have"));
  const ChangeRequest second = Ask(Wish(8));
  v1::WithdrawChangeRequestRequest withdraw;
  withdraw.set_name(second.name());
  EXPECT_EQ(ReasonOf(reviews_->Withdraw(Dan(), withdraw).status()), v1::PERMISSION_MISSING);
  ASSERT_TRUE(reviews_->Withdraw(Ann(), withdraw).ok());
  RunTasks();
  EXPECT_THAT(quota_changes_.Applied(), IsEmpty());
  EXPECT_THAT(EventsOf("changeRequest.created"), SizeIs(2));
}

TEST_P(QuotaRequestsTest, ARepeatedRequestIsOne) {
  v1::CreateQuotaRequestRequest wish = Wish(8);
  wish.set_request_id("once");
  EXPECT_EQ(Ask(wish).name(), Ask(wish).name());
  wish.set_parent("projects/nope");
  wish.set_request_id("");
  EXPECT_EQ(ReasonOf(quota_requests_->Create(Ann(), wish).status()), v1::RESOURCE_NOT_FOUND);
}

}  // namespace
}  // namespace stackyard::stacks
