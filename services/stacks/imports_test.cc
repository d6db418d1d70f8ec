// A state made elsewhere becomes a stack, or goes away without being touched.
#include "services/stacks/imports.h"

#include "absl/strings/str_replace.h"
#include "services/stacks/test_env.h"
#include "services/stacks/test_faults.h"

namespace stackyard::stacks {
namespace {

using internal::v1::Assignment;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class ImportsTest : public StacksTest {
 protected:
  v1::ImportStackRequest ImportRequest(const std::string& id = "shop", int count = 2,
                                       const std::string& lineage = "elsewhere") {
    v1::ImportStackRequest request;
    request.set_parent(kProject);
    request.set_stack_id(id);
    request.set_reason("it was ours before");
    *request.mutable_stack() = CreateRequest(id).stack();
    request.set_state(StateOf(7, count, "2", lineage));
    return request;
  }
  Operation Import(const std::string& id = "shop", int count = 2) {
    const auto operation = imports_->Start(Ann(), ImportRequest(id, count));
    EXPECT_TRUE(operation.ok()) << operation.status();
    return operation.ok() ? *operation : Operation();
  }
  // Gone without a trace of work on its resources.
  void ExpectLeftAlone(v1::Stack::State state) {
    RunTasks();
    EXPECT_EQ(GetStack().state(), state) << GetStack().ShortDebugString();
    EXPECT_EQ(GetStack().resource_count(), 0);
    EXPECT_FALSE(TryAcquire().has_value()) << "nobody works on what is not ours";
    EXPECT_THAT(ledger_.Held(), IsEmpty());
    // No timer will ever come back for them.
    clock_.Advance(absl::Hours(24 * 400));
    RunTasks();
    EXPECT_FALSE(TryAcquire().has_value());
    EXPECT_EQ(Count("SELECT COUNT(*) FROM tasks"), 0);
  }
};

STACKS_TEST_ON_BOTH(ImportsTest);

TEST_P(ImportsTest, AStateBecomesAStack) {
  const Operation operation = Import();
  EXPECT_EQ(GetStack().state(), v1::Stack::PENDING);
  EXPECT_EQ(GetStack().resource_count(), 2);
  EXPECT_THAT(GetStack().amounts(), IsEmpty());
  const Assignment plan = Acquire(Assignment::PLAN);
  EXPECT_THAT(plan.state(), HasSubstr("\"lineage\":\"elsewhere\""));
  EXPECT_EQ(plan.stack_uid(), GetStack().uid());
  // Nothing to do for Terraform, and yet reviewed: it is new to the project.
  ASSERT_TRUE(CompletePlan(plan, PlanOf("d1", 0, 2)).ok());
  RunTasks();
  const ChangeRequest request = PendingRequest();
  EXPECT_EQ(request.type(), ChangeRequest::PROVISION);
  EXPECT_EQ(request.reason(), "it was ours before");
  EXPECT_EQ(ledger_.Sum("vcpu"), 4);
  ApproveAll();
  const Assignment apply = Acquire(Assignment::APPLY);
  EXPECT_THAT(apply.state(), HasSubstr("elsewhere"));
  // An apply that changes nothing need not write a state.
  ASSERT_TRUE(Complete(apply).ok());
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::READY);
  EXPECT_EQ(GetStack().resource_count(), 2);
  EXPECT_EQ(ledger_.Held().at(0).state(), v1::Reservation::COMMITTED);
  EXPECT_EQ(ledger_.Sum("vcpu"), 4);
  EXPECT_TRUE(GetOperation(operation.name()).has_response());

  // From now on it is a stack like any other.
  ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 4)).ok());
  Plan(PlanOf("d2", 1, 3, 2));
  ApproveAll();
  Apply(StateOf(8, 3, "2", "elsewhere"));
  ASSERT_TRUE(Delete("shop").ok());
  Acquire(Assignment::DESTROY);
}

TEST_P(ImportsTest, APlanNeverReservesLessThanIsThere) {
  Import("shop", 3);
  // The module has one of the three: the others are to be destroyed, and exist until then.
  Plan(PlanOf("d1", 0, 1));
  EXPECT_EQ(ledger_.Sum("vcpu"), 6);
  EXPECT_EQ(ledger_.Sum("stacks"), 1);
  ApproveAll();
  Apply(StateOf(8, 1, "2", "elsewhere"));
  EXPECT_EQ(ledger_.Sum("vcpu"), 2);
}

TEST_P(ImportsTest, WithoutReviewItIsAppliedAtOnce) {
  Publish("2.0", ShopYaml("{mode: auto}"));
  v1::ImportStackRequest request = ImportRequest();
  request.mutable_stack()->set_template_version("templates/shop/versions/2.0");
  ASSERT_TRUE(imports_->Start(Ann(), request).ok());
  Plan(PlanOf("d1", 0, 2));
  ASSERT_TRUE(Complete(Acquire(Assignment::APPLY)).ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::READY);
}

TEST_P(ImportsTest, WhatItWouldDestroyIsReviewedInAnyCase) {
  Publish("auto", ShopYaml("{mode: auto}"));
  auto request = ImportRequest();
  request.mutable_stack()->set_template_version("templates/shop/versions/auto");
  ASSERT_TRUE(imports_->Start(Ann(), request).ok());
  // The template does not declare all that is there.
  auto plan = PlanOf("d1", 0, 1);
  plan.mutable_plan()->set_to_destroy(1);
  v1::ResourceChange& gone = *plan.mutable_plan()->add_changes();
  gone.set_address("aws_instance.web[1]");
  gone.set_action(v1::ResourceChange::DELETE);
  Plan(plan);
  EXPECT_EQ(GetStack().state(), v1::Stack::AWAITING_APPROVAL);
  EXPECT_FALSE(TryAcquire().has_value());
}

TEST_P(ImportsTest, APlanThatFailsLeavesTheResourcesAlone) {
  const Operation operation = Import();
  ASSERT_TRUE(Complete(Acquire(Assignment::PLAN), RunFailed("no such type")).ok());
  EXPECT_EQ(ReasonOf(ErrorOf(operation.name())), v1::RUN_FAILED);
  EXPECT_THAT(GetStack().state_detail().error().message(), HasSubstr("no such type"));
  ExpectLeftAlone(v1::Stack::REJECTED);
  Import();
}

TEST_P(ImportsTest, WhatDoesNotFitLeavesTheResourcesAlone) {
  ledger_.Refuse(Error(v1::QUOTA_EXCEEDED, "vcpu: 4 asked, 30 of 32 used"));
  const Operation operation = Import();
  Plan(PlanOf("d1", 0, 2));
  EXPECT_EQ(ReasonOf(ErrorOf(operation.name())), v1::QUOTA_EXCEEDED);
  ExpectLeftAlone(v1::Stack::REJECTED);
}

TEST_P(ImportsTest, ARejectedOneLeavesTheResourcesAlone) {
  Import();
  Plan(PlanOf("d1", 0, 2));
  v1::RejectChangeRequestRequest reject;
  reject.set_name(PendingRequest().name());
  reject.set_reason("not here");
  ASSERT_TRUE(reviews_->Reject(Dan(), reject).ok());
  ExpectLeftAlone(v1::Stack::REJECTED);
}

TEST_P(ImportsTest, OneThatNobodyAnswersLeavesTheResourcesAlone) {
  Import();
  Plan(PlanOf("d1", 0, 2));
  clock_.Advance(absl::Hours(25));
  ExpectLeftAlone(v1::Stack::REJECTED);
}

TEST_P(ImportsTest, OneThatIsDeletedWhileItWaitsLeavesTheResourcesAlone) {
  Import();
  Plan(PlanOf("d1", 0, 2));
  ASSERT_TRUE(Delete("shop").ok());
  ExpectLeftAlone(v1::Stack::DESTROYED);
}

TEST_P(ImportsTest, OneThatIsCancelledLeavesTheResourcesAlone) {
  const Operation queued = Import();
  v1::CancelOperationRequest cancel;
  cancel.set_name(queued.name());
  ASSERT_TRUE(operations_->Cancel(Ann(), cancel).ok());
  ExpectLeftAlone(v1::Stack::REJECTED);

  const Operation applying = Import();
  Plan(PlanOf("d1", 0, 2));
  ApproveAll();
  cancel.set_name(applying.name());
  ASSERT_TRUE(operations_->Cancel(Ann(), cancel).ok());
  ExpectLeftAlone(v1::Stack::REJECTED);
}

TEST_P(ImportsTest, AnApplyThatFailsIsCountedAndStillNotOurs) {
  Import();
  Plan(PlanOf("d1", 1, 3, 2));
  ApproveAll();
  ASSERT_TRUE(Complete(Acquire(Assignment::APPLY), RunFailed("no capacity")).ok());
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::FAILED);
  EXPECT_EQ(GetStack().resource_count(), 2);
  EXPECT_EQ(ledger_.Held().at(0).state(), v1::Reservation::COMMITTED);
  EXPECT_EQ(ledger_.Sum("vcpu"), 4);

  // An update that comes to nothing does not change that.
  v1::RetryStackRequest retry;
  retry.set_name(StackOf("shop"));
  ASSERT_TRUE(stacks_->Retry(Ann(), retry).ok());
  ASSERT_TRUE(Complete(Acquire(Assignment::PLAN), RunFailed("no")).ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::FAILED);
  EXPECT_EQ(GetStack().resource_count(), 2);
  EXPECT_EQ(ledger_.Sum("vcpu"), 4);

  ASSERT_TRUE(Delete("shop").ok());
  ExpectLeftAlone(v1::Stack::DESTROYED);
}

TEST_P(ImportsTest, TheEndOfTheLeaseForgetsWhatWasNeverApplied) {
  Import();
  Plan(PlanOf("d1", 1, 3, 2));
  ApproveAll();
  ASSERT_TRUE(Complete(Acquire(Assignment::APPLY), RunFailed("no capacity")).ok());
  clock_.Advance(absl::Hours(73));
  ExpectLeftAlone(v1::Stack::DESTROYED);
}

TEST_P(ImportsTest, ARetryThatGoesThroughMakesThemOurs) {
  Import();
  Plan(PlanOf("d1", 1, 3, 2));
  ApproveAll();
  const Assignment apply = Acquire(Assignment::APPLY);
  ASSERT_TRUE(SaveState(apply, StateOf(8, 3, "2", "elsewhere")).ok());
  clock_.Advance(absl::Minutes(1));
  ASSERT_EQ(queue_->TakeBack().value_or(0), 1);
  // The runner was lost half way; the rest is planned.
  Plan(PlanOf("d2", 0, 3));
  ASSERT_TRUE(Complete(Acquire(Assignment::APPLY)).ok());
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::READY) << GetStack().ShortDebugString();
  EXPECT_EQ(ledger_.Sum("vcpu"), 6);
  ASSERT_TRUE(Delete("shop").ok());
  Acquire(Assignment::DESTROY);
}

TEST_P(ImportsTest, AStateBelongsToOneStack) {
  Import();
  const auto twice = imports_->Start(Ann(), ImportRequest("other"));
  EXPECT_EQ(ReasonOf(twice.status()), v1::STATE_CONFLICT);
  EXPECT_THAT(twice.status().message(), HasSubstr("projects/web/stacks/shop"));
  EXPECT_EQ(ReasonOf(imports_->Start(Ann(), ImportRequest("shop", 2, "another")).status()),
            v1::RESOURCE_EXISTS);
  Plan(PlanOf("d1", 0, 2));
  ASSERT_TRUE(Delete("shop").ok());
  Import("other");
  // What was made here is known by its lineage too.
  Plan(PlanOf("d2", 0, 2));
  ASSERT_TRUE(Delete("other").ok());
  MakeReady("made");
  EXPECT_EQ(ReasonOf(imports_->Start(Ann(), ImportRequest("copy", 1, "lineage-1")).status()),
            v1::STATE_CONFLICT);
  ASSERT_TRUE(Delete("made", /*abandon=*/true).ok());
  EXPECT_TRUE(imports_->Start(Ann(), ImportRequest("copy", 1, "lineage-1")).ok());
}

TEST_P(ImportsTest, AReplayGetsTheFirstAnswer) {
  v1::ImportStackRequest request = ImportRequest();
  request.set_request_id("once");
  const auto first = imports_->Start(Ann(), request);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(imports_->Start(Ann(), request)->name(), first->name());
  request.set_state(StateOf(8, 1));
  EXPECT_EQ(ReasonOf(imports_->Start(Ann(), request).status()), v1::REQUEST_ID_REUSED);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM stacks"), 1);
}

TEST_P(ImportsTest, BadInputIsToldAtOnceAndChangesNothing) {
  const int64_t events = Count("SELECT COUNT(*) FROM events");
  v1::ImportStackRequest request = ImportRequest("9lives");
  request.set_state("{}");
  request.mutable_stack()->mutable_parameters()->mutable_fields()->erase("name");
  request.mutable_stack()->mutable_lease()->mutable_duration()->set_seconds(-1);
  EXPECT_THAT(FaultsOf(imports_->Start(Ann(), request).status()), SizeIs(4));
  for (const std::string& state :
       {StateOf(1, 0), StateOf(0, 1), StateOf(1, 1, "2", ""), StateOf(1, 1, "null"),
        absl::StrReplaceAll(StateOf(1, 1), {{"\"version\":4", "\"version\":3"}}),
        std::string("not JSON"), std::string()}) {
    request = ImportRequest();
    request.set_state(state);
    const auto faults = FaultsOf(imports_->Start(Ann(), request).status());
    ASSERT_THAT(faults, SizeIs(testing::Ge(1))) << state;
    EXPECT_THAT(faults[0], testing::StartsWith("state: ")) << state;
  }
  request = ImportRequest();
  request.mutable_stack()->set_template_version("templates/nope/versions/1");
  EXPECT_THAT(FaultsOf(imports_->Start(Ann(), request).status()),
              Contains(HasSubstr("stack.template_version")));
  request = ImportRequest();
  request.set_parent("projects/nope");
  EXPECT_EQ(ReasonOf(imports_->Start(Ann(), request).status()), v1::RESOURCE_NOT_FOUND);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM stacks"), 0);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM events"), events);
}

}  // namespace
}  // namespace stackyard::stacks
