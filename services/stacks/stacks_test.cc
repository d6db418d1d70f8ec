// The life of a stack, from its template to its end.
#include <set>

#include "common/work.h"
#include "services/stacks/test_env.h"
#include "services/stacks/test_faults.h"

namespace stackyard::stacks {
namespace {

using internal::v1::Assignment;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class LifeTest : public StacksTest {
 protected:
  static double SizeIn(const google::protobuf::Struct& parameters) {
    return parameters.fields().at("size").number_value();
  }
};

STACKS_TEST_ON_BOTH(LifeTest);

TEST_P(LifeTest, AVersionIsActiveWhenARunnerHasReadIt) {
  const auto operation = TryPublish("shop", "2.0", ShopYaml());
  ASSERT_TRUE(operation.ok()) << operation.status();
  EXPECT_FALSE(operation->done());
  const std::string name = "templates/shop/versions/2.0";
  EXPECT_EQ(Version(name).state(), v1::TemplateVersion::PREPARING);
  v1::CreateStackRequest early = CreateRequest("early");
  early.mutable_stack()->set_template_version(name);
  EXPECT_THAT(FaultsOf(stacks_->Create(Ann(), early).status()),
              ElementsAre(HasSubstr("is PREPARING and not for new revisions")));

  CompleteInspection(Acquire(Assignment::INSPECT));
  const v1::TemplateVersion version = Version(name);
  EXPECT_EQ(version.state(), v1::TemplateVersion::ACTIVE);
  EXPECT_EQ(version.parameters_size(), 4);
  EXPECT_EQ(version.parameters(0).maximum(), 8) << "template.yaml refines the module";
  EXPECT_THAT(version.providers(), ElementsAre("hashicorp/aws ~> 5.0"));
  EXPECT_EQ(Version("templates/shop/versions/latest").name(), name);
  const Operation done = GetOperation(operation->name());
  ASSERT_TRUE(done.done());
  v1::TemplateVersion answered;
  ASSERT_TRUE(done.response().UnpackTo(&answered));
  EXPECT_EQ(answered.state(), v1::TemplateVersion::ACTIVE);
  EXPECT_EQ(ReasonOf(TryPublish("shop", "2.0", ShopYaml()).status()), v1::RESOURCE_EXISTS);
  EXPECT_TRUE(Verify("-").intact());
}

TEST_P(LifeTest, AVersionThatFailedCanBePublishedAgain) {
  const std::string name = "templates/shop/versions/2.0";
  const auto first = TryPublish("shop", "2.0", ShopYaml());
  const Assignment one = Acquire(Assignment::INSPECT);
  ASSERT_TRUE(Complete(one, Error(v1::MODULE_INVALID, "no such variable")).ok());
  EXPECT_EQ(Version(name).state(), v1::TemplateVersion::FAILED);
  EXPECT_EQ(ReasonOf(ErrorOf(first->name())), v1::MODULE_INVALID);
  EXPECT_EQ(Version("templates/shop/versions/latest").name(), kVersion);

  const auto second = TryPublish("shop", "2.0", ShopYaml());
  ASSERT_TRUE(second.ok()) << second.status();
  const Assignment two = Acquire(Assignment::INSPECT);
  EXPECT_GT(two.lease().generation(), one.lease().generation())
      << "else what the first runner says would count for the second";
  CompleteInspection(two);
  EXPECT_EQ(Version(name).state(), v1::TemplateVersion::ACTIVE);
  EXPECT_TRUE(GetOperation(second->name()).done());
}

TEST_P(LifeTest, AFileThatDoesNotFitTheModuleFailsTheVersion) {
  const auto operation = TryPublish("shop", "2.0",
                                    "title: Shop\nparameters: {colour: {}}\nfiles: "
                                    "[{filename: a, output: nothing}]\n");
  CompleteInspection(Acquire(Assignment::INSPECT));
  EXPECT_EQ(Version("templates/shop/versions/2.0").state(), v1::TemplateVersion::FAILED);
  EXPECT_THAT(
      FaultsOf(ErrorOf(operation->name())),
      UnorderedElementsAre(HasSubstr("no variable `colour`"), HasSubstr("no output `nothing`")));
}

TEST_P(LifeTest, ATemplateIsNotDeletedWhileAVersionIsPrepared) {
  ASSERT_TRUE(TryPublish("other", "1.0", ShopYaml()).ok());
  v1::DeleteTemplateRequest request;
  request.set_name("templates/other");
  EXPECT_EQ(ReasonOf(catalog_->DeleteTemplate(Dan(), request)), v1::WRONG_STATE);
  CompleteInspection(Acquire(Assignment::INSPECT));
  EXPECT_TRUE(catalog_->DeleteTemplate(Dan(), request).ok());
}

TEST_P(LifeTest, ATemplateInUseIsNotDeleted) {
  Create("shop");
  v1::DeleteTemplateRequest request;
  request.set_name("templates/shop");
  EXPECT_EQ(ReasonOf(catalog_->DeleteTemplate(Dan(), request)), v1::WRONG_STATE);
}

TEST_P(LifeTest, EveryFaultOfACreateIsToldBeforeAnythingRuns) {
  v1::CreateStackRequest request = CreateRequest("Shop!", 9);
  request.mutable_stack()->mutable_parameters()->mutable_fields()->erase("name");
  (*request.mutable_stack()->mutable_parameters()->mutable_fields())["colour"].set_string_value(
      "red");
  *request.mutable_stack()->mutable_lease()->mutable_duration() = ToProto(absl::Hours(241));
  request.mutable_stack()->set_display_name(std::string(101, 'x'));
  const auto refused = stacks_->Create(Ann(), request);
  EXPECT_EQ(ReasonOf(refused.status()), v1::INVALID_FIELD);
  EXPECT_THAT(FaultsOf(refused.status()),
              UnorderedElementsAre(HasSubstr("stack_id: must be 2 to 40"),
                                   "stack.parameters.size: must be at most 8",
                                   "stack.parameters.name: is missing",
                                   HasSubstr("stack.parameters.colour"),
                                   HasSubstr("stack.lease.duration: must be at most 240h"),
                                   HasSubstr("stack.display_name")));
  EXPECT_FALSE(TryAcquire().has_value());
  request = CreateRequest("shop");
  request.mutable_stack()->set_template_version("templates/shop/versions/9");
  EXPECT_THAT(FaultsOf(stacks_->Create(Ann(), request).status()),
              ElementsAre(HasSubstr("does not exist")));
  request = CreateRequest("shop");
  request.set_parent("projects/nowhere");
  EXPECT_EQ(ReasonOf(stacks_->Create(Ann(), request).status()), v1::RESOURCE_NOT_FOUND);
}

TEST_P(LifeTest, GoesFromCreateToReady) {
  const Operation operation = Create("shop");
  EXPECT_FALSE(operation.done());
  v1::Stack stack = GetStack();
  EXPECT_EQ(stack.state(), v1::Stack::PENDING);
  EXPECT_EQ(stack.uid().size(), 12u);
  EXPECT_EQ(stack.parameters().fields().at("password").string_value(), "(sensitive)");
  EXPECT_EQ(FromProto(stack.lease().end_time()), clock_.TimeNow() + absl::Hours(72));

  const Assignment plan = Acquire(Assignment::PLAN);
  EXPECT_EQ(GetStack().state(), v1::Stack::PLANNING);
  EXPECT_EQ(plan.parameters().fields().at("password").string_value(), "hunter2")
      << "the runner gets it in clear";
  EXPECT_THAT(plan.sensitive_parameters(), ElementsAre("password"));
  EXPECT_TRUE(plan.inject_stack_uid());
  EXPECT_EQ(plan.stack_uid(), stack.uid());
  EXPECT_THAT(plan.metered_attributes().at("aws_instance").paths(), ElementsAre("size"));
  EXPECT_TRUE(blobs_->Get(plan.bundle_digest()).ok());
  EXPECT_THAT(ledger_.Held(), IsEmpty());
  ASSERT_TRUE(CompletePlan(plan, PlanOf("d1", 2, 2)).ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::PLANNING) << "quota comes first";
  EXPECT_FALSE(TryAcquire().has_value());

  RunTasks();
  ASSERT_THAT(ledger_.Held(), SizeIs(1));
  const v1::Reservation held = ledger_.Held()[0];
  EXPECT_EQ(held.state(), v1::Reservation::PENDING);
  EXPECT_EQ(ledger_.Sum("vcpu"), 4);
  EXPECT_EQ(ledger_.Sum("stacks"), 1);
  EXPECT_EQ(held.user(), "ann");
  EXPECT_EQ(held.holder(), StackOf("shop"));
  EXPECT_EQ(FromProto(held.end_time()), FromProto(stack.lease().end_time()))
      << "for the whole lease";

  const ChangeRequest request = PendingRequest();
  EXPECT_EQ(request.type(), ChangeRequest::PROVISION);
  EXPECT_EQ(request.plan_digest(), "d1");
  EXPECT_EQ(request.requester(), "users/ann");
  EXPECT_EQ(request.reason(), "we need one");
  EXPECT_FALSE(TryAcquire().has_value()) << "nothing is applied that was not approved";

  ASSERT_TRUE(Approve(Dan(), request).ok());
  EXPECT_EQ(GetRequest(request.name()).state(), ChangeRequest::APPROVED);
  const Assignment apply = Acquire(Assignment::APPLY);
  EXPECT_EQ(apply.plan_digest(), "d1");
  ASSERT_TRUE(SaveState(apply, StateOf(3, 2)).ok());
  ASSERT_TRUE(Complete(apply).ok());
  RunTasks();

  stack = GetStack();
  EXPECT_EQ(stack.state(), v1::Stack::READY);
  EXPECT_EQ(stack.resource_count(), 2);
  EXPECT_EQ(stack.applied_revision(), 1);
  EXPECT_EQ(stack.active_run(), "");
  EXPECT_EQ(stack.outputs().at("url").value().string_value(), "http://shop");
  EXPECT_FALSE(stack.outputs().at("token").has_value()) << "it is sensitive";
  EXPECT_TRUE(stack.outputs().at("token").sensitive());
  EXPECT_EQ(GetRevision(1).state(), v1::Revision::APPLIED);
  EXPECT_EQ(ledger_.Held()[0].state(), v1::Reservation::COMMITTED);
  EXPECT_EQ(ledger_.Sum("vcpu"), 4);
  const Operation done = GetOperation(operation.name());
  ASSERT_TRUE(done.done());
  v1::Stack answered;
  ASSERT_TRUE(done.response().UnpackTo(&answered));
  EXPECT_EQ(answered.state(), v1::Stack::READY);

  v1::RevealOutputsRequest reveal;
  reveal.set_name(StackOf("shop"));
  EXPECT_EQ(stacks_->RevealOutputs(Ann(), reveal)->outputs().at("token").value().string_value(),
            "s3cret");
  EXPECT_THAT(
      EventTypes(),
      ElementsAre("project.created", "stack.created", "stack.planAsked", "stack.planStarted",
                  "changeRequest.created", "stack.reviewAsked", "changeRequest.approved",
                  "stack.applyAsked", "stack.applied", "stack.outputsRevealed"));
}

TEST_P(LifeTest, WithoutReviewOrWithoutChangesNobodyIsAsked) {
  Publish("auto", ShopYaml("{mode: auto}"));
  v1::CreateStackRequest request = CreateRequest("shop");
  request.mutable_stack()->set_template_version("templates/shop/versions/auto");
  ASSERT_TRUE(stacks_->Create(Ann(), request).ok());
  Plan(PlanOf("d1", 1, 1));
  EXPECT_EQ(GetStack().state(), v1::Stack::APPLYING);
  EXPECT_EQ(ledger_.reserve_calls(), 1) << "quota is asked all the same";
  Apply(StateOf(1, 1));

  MakeReady("other");
  ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("other", 3)).ok());
  Plan(PlanOf("nothing", 0, 1));
  EXPECT_EQ(GetStack("other").state(), v1::Stack::APPLYING);
}

TEST_P(LifeTest, APlanThatFailsFailsANewStack) {
  const Operation operation = Create("shop");
  const Assignment plan = Acquire(Assignment::PLAN);
  ASSERT_TRUE(Complete(plan, RunFailed("aws_instance.web: no such image")).ok());
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::FAILED);
  EXPECT_EQ(GetStack().active_run(), "");
  EXPECT_EQ(ReasonOf(ErrorOf(operation.name())), v1::RUN_FAILED);
  EXPECT_EQ(GetRevision(1).state(), v1::Revision::FAILED);
  EXPECT_EQ(ledger_.reserve_calls(), 0);
}

TEST_P(LifeTest, AnUpdateThatIsRejectedLeavesTheStackReady) {
  MakeReady();
  const auto operation = stacks_->Update(Ann(), UpdateRequest("shop", 8));
  ASSERT_TRUE(operation.ok()) << operation.status();
  EXPECT_EQ(GetStack().latest_revision(), 2);
  Plan(PlanOf("d2", 1, 2, 1));
  EXPECT_EQ(PendingRequest().type(), ChangeRequest::UPDATE);
  EXPECT_THAT(ledger_.Held(), SizeIs(2));
  v1::RejectChangeRequestRequest reject;
  reject.set_name(PendingRequest().name());
  reject.set_reason("too large");
  ASSERT_TRUE(reviews_->Reject(Dan(), reject).ok());
  RunTasks();
  const v1::Stack stack = GetStack();
  EXPECT_EQ(stack.state(), v1::Stack::READY);
  EXPECT_THAT(stack.state_detail().message(), HasSubstr("too large"));
  EXPECT_EQ(SizeIn(stack.parameters()), 2) << "what is there, not what was asked for";
  EXPECT_EQ(stack.applied_revision(), 1);
  EXPECT_EQ(GetRevision(2).state(), v1::Revision::REJECTED);
  EXPECT_EQ(ReasonOf(ErrorOf(operation->name())), v1::REQUEST_CLOSED);
  ASSERT_THAT(ledger_.Held(), SizeIs(1));
  EXPECT_EQ(ledger_.Sum("vcpu"), 2);

  // The next update starts from what is there, too.
  v1::UpdateStackRequest rename;
  rename.mutable_stack()->set_name(StackOf("shop"));
  (*rename.mutable_stack()->mutable_parameters()->mutable_fields())["name"].set_string_value("new");
  rename.mutable_update_mask()->add_paths("parameters.name");
  ASSERT_TRUE(stacks_->Update(Ann(), rename).ok());
  EXPECT_EQ(SizeIn(GetStack().parameters()), 2);
  const Assignment plan = Acquire(Assignment::PLAN);
  EXPECT_EQ(SizeIn(plan.parameters()), 2);
  EXPECT_EQ(plan.parameters().fields().at("password").string_value(), "hunter2");
}

TEST_P(LifeTest, WordsChangeWithoutAPlan) {
  MakeReady();
  v1::UpdateStackRequest request;
  request.mutable_stack()->set_name(StackOf("shop"));
  request.mutable_stack()->set_display_name("The shop");
  (*request.mutable_stack()->mutable_labels())["team"] = "web";
  const auto operation = stacks_->Update(Ann(), request);
  ASSERT_TRUE(operation.ok()) << operation.status();
  EXPECT_TRUE(operation->done());
  EXPECT_EQ(GetStack().display_name(), "The shop");
  EXPECT_EQ(GetStack().latest_revision(), 1);
  EXPECT_FALSE(TryAcquire().has_value());
}

TEST_P(LifeTest, RollbackMakesANewRevisionOfAnOldOne) {
  MakeReady();
  ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 4)).ok());
  Plan(PlanOf("d2", 1, 2, 1));
  ApproveAll();
  Apply(StateOf(2, 2));
  v1::RollbackStackRequest rollback;
  rollback.set_name(StackOf("shop"));
  rollback.set_revision(1);
  ASSERT_TRUE(stacks_->Rollback(Ann(), rollback).ok());
  EXPECT_EQ(GetRevision(3).rollback_of(), 1);
  const Assignment plan = Acquire(Assignment::PLAN);
  EXPECT_EQ(SizeIn(plan.parameters()), 2);
  EXPECT_EQ(plan.parameters().fields().at("password").string_value(), "hunter2");
  ASSERT_TRUE(CompletePlan(plan, PlanOf("d3", 1, 1)).ok());
  RunTasks();
  ApproveAll();
  Apply(StateOf(3, 1));
  EXPECT_EQ(GetStack().applied_revision(), 3);
  EXPECT_EQ(ledger_.Sum("vcpu"), 2);
  rollback.set_revision(9);
  EXPECT_EQ(ReasonOf(stacks_->Rollback(Ann(), rollback).status()), v1::RESOURCE_NOT_FOUND);
}

TEST_P(LifeTest, DeletingDestroysAndGivesEverythingBack) {
  MakeReady();
  const std::string uid = GetStack().uid();
  ASSERT_TRUE(Delete("shop").ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYING);
  EXPECT_EQ(ReasonOf(stacks_->Create(Ann(), CreateRequest("shop")).status()), v1::RESOURCE_EXISTS);
  const std::string operation = GetStack().operation();
  const Assignment destroy = Acquire(Assignment::DESTROY);
  EXPECT_THAT(destroy.state(), HasSubstr("aws_instance"));
  ASSERT_TRUE(SaveState(destroy, StateOf(2, 0)).ok());
  ASSERT_TRUE(Complete(destroy).ok());
  RunTasks();
  const v1::Stack gone = GetStack();
  EXPECT_EQ(gone.state(), v1::Stack::DESTROYED);
  EXPECT_THAT(gone.outputs(), IsEmpty());
  EXPECT_THAT(gone.amounts(), IsEmpty());
  EXPECT_THAT(ledger_.Held(), IsEmpty());
  EXPECT_TRUE(GetOperation(operation).done());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM tasks"), 0) << "no lease is left to watch";

  Create("shop");
  EXPECT_NE(GetStack().uid(), uid);
  EXPECT_EQ(GetStack().state(), v1::Stack::PENDING);
  EXPECT_FALSE(Acquire(Assignment::PLAN).state().size()) << "the new one starts from nothing";
}

TEST_P(LifeTest, AStackThatWaitsForReviewCanBeDeleted) {
  const Operation create = Create("shop");
  Plan(PlanOf("d1", 1, 1));
  const std::string request = PendingRequest().name();
  ASSERT_TRUE(Delete("shop").ok());
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYED);
  EXPECT_EQ(GetRequest(request).state(), ChangeRequest::WITHDRAWN);
  EXPECT_TRUE(GetOperation(create.name()).done());
  EXPECT_THAT(ledger_.Held(), IsEmpty());
}

TEST_P(LifeTest, ADestroyThatFailsKeepsWhatIsLeft) {
  MakeReady("shop", 2);
  ASSERT_TRUE(Delete("shop").ok());
  const Assignment destroy = Acquire(Assignment::DESTROY);
  ASSERT_TRUE(SaveState(destroy, StateOf(2, 1)).ok());
  ASSERT_TRUE(Complete(destroy, RunFailed("aws_instance.web[0] is protected")).ok());
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::FAILED);
  EXPECT_EQ(GetStack().resource_count(), 1);
  EXPECT_EQ(ledger_.Sum("vcpu"), 2);
  EXPECT_TRUE(Delete("shop").ok());
}

TEST_P(LifeTest, AbandoningForgetsWithoutARun) {
  MakeReady();
  ASSERT_TRUE(Delete("shop", true).ok());
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYED);
  EXPECT_FALSE(TryAcquire().has_value());
  EXPECT_THAT(ledger_.Held(), IsEmpty());
}

TEST_P(LifeTest, ARepeatedRequestGetsItsFirstAnswer) {
  v1::CreateStackRequest request = CreateRequest("shop");
  request.set_request_id("once");
  const auto first = stacks_->Create(Ann(), request);
  ASSERT_TRUE(first.ok()) << first.status();
  Acquire(Assignment::PLAN);
  clock_.Advance(absl::Hours(23));
  const auto again = stacks_->Create(Ann(), request);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->ShortDebugString(), first->ShortDebugString());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM stacks"), 1);

  v1::CreateStackRequest other = CreateRequest("other");
  other.set_request_id("once");
  EXPECT_EQ(ReasonOf(stacks_->Create(Ann(), other).status()), v1::REQUEST_ID_REUSED);
  EXPECT_TRUE(stacks_->Create(Dan(), other).ok()) << "ids are each caller's own";
  clock_.Advance(absl::Hours(2));
  EXPECT_EQ(ReasonOf(stacks_->Create(Ann(), request).status()), v1::RESOURCE_EXISTS)
      << "after a day it is forgotten";
}

TEST_P(LifeTest, ARequestIsTheSameInWhateverOrderItsMapsCome) {
  v1::CreateStackRequest request = CreateRequest("shop");
  request.set_request_id("once");
  for (int i = 0; i < 50; ++i) {
    (*request.mutable_stack()->mutable_labels())[absl::StrCat("label", i)] = absl::StrCat(i);
  }
  const auto first = stacks_->Create(Ann(), request);
  ASSERT_TRUE(first.ok()) << first.status();
  for (int i = 0; i < 10; ++i) {
    // As it comes over the wire: every copy has an order of its own.
    v1::CreateStackRequest again;
    ASSERT_TRUE(again.ParseFromString(request.SerializeAsString()));
    const auto answer = stacks_->Create(Ann(), again);
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->name(), first->name());
  }
}

TEST_P(LifeTest, TheSameRequestManyTimesAtOnceIsOneRequest) {
  MakeReady();
  v1::UpdateStackRequest request = UpdateRequest("shop", 4);
  request.set_request_id("once");
  absl::Mutex mutex;
  std::set<std::string> operations;
  {
    std::vector<Task> callers;
    for (int i = 0; i < 8; ++i) {
      callers.emplace_back("caller", [&] {
        const auto answer = stacks_->Update(Ann(), request);
        absl::MutexLock lock(&mutex);
        operations.insert(answer.ok() ? answer->name() : answer.status().ToString());
      });
    }
  }
  EXPECT_THAT(operations, ElementsAre(HasSubstr("operations/")));
  EXPECT_EQ(GetStack().latest_revision(), 2);
}

TEST_P(LifeTest, ARepeatedRequestIsAnsweredEvenIfItCouldNotBeMadeNow) {
  v1::CreateStackRequest request = CreateRequest("shop");
  request.set_request_id("once");
  ASSERT_TRUE(stacks_->Create(Ann(), request).ok());
  v1::DeprecateTemplateVersionRequest deprecate;
  deprecate.set_name(kVersion);
  ASSERT_TRUE(catalog_->Deprecate(Dan(), deprecate).ok());
  EXPECT_TRUE(stacks_->Create(Ann(), request).ok());
}

TEST_P(LifeTest, AnOldEtagIsRefused) {
  MakeReady();
  v1::UpdateStackRequest update = UpdateRequest("shop", 4);
  update.mutable_stack()->set_etag("old");
  EXPECT_EQ(ReasonOf(stacks_->Update(Ann(), update).status()), v1::ETAG_MISMATCH);
  v1::DeleteStackRequest remove;
  remove.set_name(StackOf("shop"));
  remove.set_etag("old");
  EXPECT_EQ(ReasonOf(stacks_->Delete(Ann(), remove).status()), v1::ETAG_MISMATCH);
  update.mutable_stack()->set_etag(GetStack().etag());
  EXPECT_TRUE(stacks_->Update(Ann(), update).ok());
}

TEST_P(LifeTest, CheckingChangesNothing) {
  v1::CreateStackRequest create = CreateRequest("shop");
  create.set_validate_only(true);
  const auto checked = stacks_->Create(Ann(), create);
  ASSERT_TRUE(checked.ok());
  EXPECT_TRUE(checked->done());
  EXPECT_EQ(checked->name(), "");
  EXPECT_EQ(Count("SELECT COUNT(*) FROM stacks"), 0);
  MakeReady();
  EXPECT_EQ(ReasonOf(stacks_->Create(Ann(), create).status()), v1::RESOURCE_EXISTS);
  const std::string etag = GetStack().etag();
  v1::UpdateStackRequest update = UpdateRequest("shop", 4);
  update.set_validate_only(true);
  EXPECT_TRUE(stacks_->Update(Ann(), update).ok());
  v1::DeleteStackRequest remove;
  remove.set_name(StackOf("shop"));
  remove.set_validate_only(true);
  EXPECT_TRUE(stacks_->Delete(Ann(), remove).ok());
  EXPECT_EQ(GetStack().etag(), etag);
  EXPECT_FALSE(TryAcquire().has_value());
}

TEST_P(LifeTest, OneChangeAtATime) {
  Create("shop");
  EXPECT_EQ(ReasonOf(stacks_->Update(Ann(), UpdateRequest("shop", 4)).status()), v1::WRONG_STATE);
  EXPECT_EQ(ReasonOf(Delete("shop")), v1::WRONG_STATE);
  Acquire(Assignment::PLAN);
  EXPECT_EQ(ReasonOf(stacks_->Update(Ann(), UpdateRequest("shop", 4)).status()), v1::WRONG_STATE);
  EXPECT_EQ(GetStack().latest_revision(), 1);
}

}  // namespace
}  // namespace stackyard::stacks
