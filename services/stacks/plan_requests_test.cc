// What follows when the policy has something to say about a plan.
#include "services/stacks/plan_requests.h"

#include "services/stacks/test_env.h"

namespace stackyard::stacks {
namespace {

using internal::v1::Assignment;
using testing::HasSubstr;
using testing::IsEmpty;

internal::v1::PlanSummary Judged(internal::v1::PlanSummary summary,
                                 v1::Diagnostic::Severity severity, const std::string& text,
                                 const std::string& address = "") {
  v1::Diagnostic& message = *summary.mutable_plan()->add_policy_messages();
  message.set_severity(severity);
  message.set_summary(text);
  message.set_address(address);
  return summary;
}

class PlanRequestsTest : public StacksTest {
 protected:
  // Plans the stack, with this answer of the runner.
  void Planned(const internal::v1::PlanSummary& summary) {
    ASSERT_TRUE(CompletePlan(Acquire(Assignment::PLAN), summary).ok());
    RunTasks();
  }
};

STACKS_TEST_ON_BOTH(PlanRequestsTest);

TEST_P(PlanRequestsTest, WhatIsDeniedIsRejectedAtOnce) {
  const std::string operation = Create("shop").name();
  auto plan = Judged(PlanOf("d1", 1, 1), v1::Diagnostic::ERROR, "no public buckets", "aws_s3.b");
  Planned(Judged(plan, v1::Diagnostic::WARNING, "no owner tag"));

  const v1::Stack stack = GetStack();
  EXPECT_EQ(stack.state(), v1::Stack::REJECTED);
  EXPECT_THAT(stack.state_detail().message(), HasSubstr("aws_s3.b: no public buckets"));
  const ChangeRequest request = GetRequest(stack.change_request());
  EXPECT_EQ(request.state(), ChangeRequest::REJECTED);
  EXPECT_EQ(request.type(), ChangeRequest::PROVISION);
  ASSERT_EQ(request.policy_messages_size(), 2);
  EXPECT_EQ(request.policy_messages(0).summary(), "no public buckets");
  EXPECT_EQ(request.plan_digest(), "d1");
  EXPECT_EQ(ReasonOf(Approve(Dan(), request).status()), v1::REQUEST_CLOSED);

  EXPECT_EQ(ReasonOf(ErrorOf(operation)), v1::POLICY_DENIED);
  EXPECT_THAT(ErrorOf(operation).message(), HasSubstr("no public buckets"));
  OperationMetadata metadata;
  GetOperation(operation).metadata().UnpackTo(&metadata);
  EXPECT_EQ(metadata.change_request(), request.name());
  EXPECT_EQ(GetRevision(1).state(), v1::Revision::REJECTED);
  EXPECT_EQ(GetRevision(1).plan().policy_messages_size(), 2);
  EXPECT_THAT(ledger_.Held(), IsEmpty());
  EXPECT_EQ(ledger_.reserve_calls(), 0) << "nothing is asked for in vain";
  EXPECT_FALSE(TryAcquire().has_value());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM tasks"), 0);
  EXPECT_EQ(EventsOf("changeRequest.rejected").size(), 1U);
  EXPECT_THAT(EventsOf("changeRequest.created"), IsEmpty()) << "nobody is asked to review it";
  EXPECT_FALSE(Create("shop").name().empty()) << "the name is free";
}

TEST_P(PlanRequestsTest, ReviewIsNeededOrNot) {
  Publish("2.0", ShopYaml("{mode: auto}"));
  v1::CreateStackRequest request = CreateRequest("shop");
  request.mutable_stack()->set_template_version("templates/shop/versions/2.0");
  ASSERT_TRUE(stacks_->Create(Ann(), request).ok());
  Planned(Judged(PlanOf("d1", 1, 1), v1::Diagnostic::ERROR, "no"));
  EXPECT_EQ(GetStack().state(), v1::Stack::REJECTED);
  EXPECT_EQ(GetRequest(GetStack().change_request()).state(), ChangeRequest::REJECTED);
  EXPECT_FALSE(TryAcquire().has_value()) << "nothing is applied";
}

TEST_P(PlanRequestsTest, AStackInUseStaysAsItIs) {
  MakeReady();
  const auto held = ledger_.Held();
  const auto operation = stacks_->Update(Ann(), UpdateRequest("shop", 4));
  ASSERT_TRUE(operation.ok()) << operation.status();
  Planned(Judged(PlanOf("d2", 1, 2, 1), v1::Diagnostic::ERROR, "too many"));
  const v1::Stack stack = GetStack();
  EXPECT_EQ(stack.state(), v1::Stack::READY);
  EXPECT_THAT(stack.state_detail().message(), HasSubstr("too many"));
  EXPECT_EQ(stack.applied_revision(), 1);
  EXPECT_EQ(GetRevision(2).state(), v1::Revision::REJECTED);
  EXPECT_EQ(GetRequest(stack.change_request()).type(), ChangeRequest::UPDATE);
  EXPECT_EQ(ReasonOf(ErrorOf(operation->name())), v1::POLICY_DENIED);
  EXPECT_EQ(ledger_.Held().size(), held.size());
  ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 2)).ok()) << "another change may follow";
}

TEST_P(PlanRequestsTest, WarningsAreShownAndChangeNothing) {
  Create("shop");
  Plan(Judged(PlanOf("d1", 1, 1), v1::Diagnostic::WARNING, "no owner tag"));
  const ChangeRequest request = PendingRequest();
  ASSERT_EQ(request.policy_messages_size(), 1);
  EXPECT_EQ(request.policy_messages(0).summary(), "no owner tag");
  EXPECT_TRUE(Approve(Dan(), request).ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::APPLYING);
}

TEST_P(PlanRequestsTest, RunnersAreToldTheTemplateVersion) {
  Create("shop");
  EXPECT_EQ(Acquire(Assignment::PLAN).template_version(), kVersion);
}

}  // namespace
}  // namespace stackyard::stacks
