// What a create or an update would do, without doing it.
#include "services/stacks/previews.h"

#include "services/stacks/test_env.h"
#include "services/stacks/test_faults.h"

namespace stackyard::stacks {
namespace {

using internal::v1::Assignment;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class PreviewsTest : public StacksTest {
 protected:
  v1::PreviewStackRequest NewOne() {
    v1::PreviewStackRequest request;
    request.set_parent(kProject);
    *request.mutable_stack() = CreateRequest("unused").stack();
    return request;
  }
  v1::PreviewStackRequest ChangeOf(const std::string& id, double size) {
    v1::PreviewStackRequest request = NewOne();
    request.mutable_stack()->set_name(StackOf(id));
    request.mutable_stack()->clear_template_version();
    auto& parameters = *request.mutable_stack()->mutable_parameters()->mutable_fields();
    parameters["size"].set_number_value(size);
    parameters["password"].set_string_value("(sensitive)");
    return request;
  }
  v1::StackPreview AnswerOf(const std::string& operation) {
    v1::StackPreview preview;
    EXPECT_TRUE(GetOperation(operation).response().UnpackTo(&preview))
        << GetOperation(operation).ShortDebugString();
    return preview;
  }
};

STACKS_TEST_ON_BOTH(PreviewsTest);

TEST_P(PreviewsTest, TellsWhatANewStackWouldBe) {
  const auto operation = previews_->Start(Ann(), NewOne());
  ASSERT_TRUE(operation.ok()) << operation.status();
  const Assignment preview = Acquire(Assignment::PREVIEW);
  EXPECT_EQ(preview.parameters().fields().at("password").string_value(), "hunter2");
  EXPECT_THAT(preview.sensitive_parameters(), Contains("password"));
  EXPECT_TRUE(preview.inject_stack_uid());
  EXPECT_THAT(preview.stack_uid(), SizeIs(12));
  EXPECT_EQ(preview.bundle_digest(), Version().bundle_digest());
  EXPECT_THAT(preview.state(), IsEmpty());
  EXPECT_EQ(preview.lease().run(), "projects/web/stacks/_preview/runs/1");
  ASSERT_TRUE(CompletePlan(preview, PlanOf("", 3, 3)).ok());
  EXPECT_FALSE(GetOperation(operation->name()).done()) << "quota has not been asked";
  RunTasks();

  const v1::StackPreview answer = AnswerOf(operation->name());
  EXPECT_TRUE(answer.fits());
  EXPECT_EQ(answer.plan().to_create(), 3);
  ASSERT_THAT(answer.plan().amounts(), SizeIs(2));
  EXPECT_EQ(answer.plan().amounts(0).value(), 6);
  const v1::CheckFitRequest question = ledger_.question();
  EXPECT_EQ(question.parent(), kProject);
  EXPECT_EQ(question.user(), "ann");
  EXPECT_EQ(FromProto(question.end_time()), clock_.TimeNow() + absl::Hours(72));
  EXPECT_EQ(question.supersedes(), "");

  // Nothing is kept but the run.
  EXPECT_THAT(ledger_.All(), IsEmpty());
  for (const char* table : {"stacks", "revisions", "queue", "tasks", "change_requests"}) {
    EXPECT_EQ(Count(absl::StrCat("SELECT COUNT(*) FROM ", table)), 0) << table;
  }
  v1::GetRunRequest get;
  get.set_name(preview.lease().run());
  const auto run = runs_->Get(get);
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(run->type(), v1::Run::PREVIEW);
  EXPECT_EQ(run->state(), v1::Run::SUCCEEDED);
}

TEST_P(PreviewsTest, TellsWhatIsShort) {
  v1::CheckFitResponse short_of;
  short_of.set_fits(false);
  short_of.add_shortfalls()->set_metric("vcpu");
  ledger_.SetFit(short_of);
  const auto operation = previews_->Start(Ann(), NewOne());
  ASSERT_TRUE(CompletePlan(Acquire(Assignment::PREVIEW), PlanOf("", 3, 3)).ok());
  RunTasks();
  const v1::StackPreview answer = AnswerOf(operation->name());
  EXPECT_FALSE(answer.fits());
  EXPECT_EQ(answer.shortfalls(0).metric(), "vcpu");
  EXPECT_EQ(answer.plan().to_create(), 3);
}

TEST_P(PreviewsTest, AnUpdateIsPlannedFromWhatIsThere) {
  MakeReady();
  const std::string before = GetStack().etag();
  const auto operation = previews_->Start(Dan(), ChangeOf("shop", 4));
  ASSERT_TRUE(operation.ok()) << operation.status();
  const Assignment preview = Acquire(Assignment::PREVIEW);
  EXPECT_EQ(preview.stack_uid(), GetStack().uid());
  EXPECT_EQ(preview.parameters().fields().at("size").number_value(), 4);
  EXPECT_EQ(preview.parameters().fields().at("password").string_value(), "hunter2")
      << "what reads as masked stays";
  EXPECT_THAT(preview.state(), HasSubstr("lineage-1"));
  ASSERT_TRUE(CompletePlan(preview, PlanOf("", 1, 2, 1)).ok());
  RunTasks();
  EXPECT_TRUE(AnswerOf(operation->name()).fits());
  EXPECT_EQ(AnswerOf(operation->name()).plan().state_serial(), 1);
  const v1::CheckFitRequest question = ledger_.question();
  EXPECT_EQ(question.user(), "ann") << "whose stack it is, not who asks";
  EXPECT_EQ(question.supersedes(), ledger_.Held().at(0).name());
  EXPECT_EQ(question.end_time().seconds(), GetStack().lease().end_time().seconds());
  EXPECT_EQ(GetStack().etag(), before) << "the stack was not touched";
}

TEST_P(PreviewsTest, NeitherWaitsForTheStacksRunNorKeepsItWaiting) {
  MakeReady();
  ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 4)).ok());
  const auto during = previews_->Start(Ann(), ChangeOf("shop", 8));
  ASSERT_TRUE(during.ok()) << during.status();
  const Assignment plan = Acquire(Assignment::PLAN);
  const Assignment preview = Acquire(Assignment::PREVIEW);
  ASSERT_TRUE(CompletePlan(plan, PlanOf("d2", 1, 2, 1)).ok());
  RunTasks();
  ApproveAll();
  Apply(StateOf(2, 2));
  EXPECT_EQ(GetStack().state(), v1::Stack::READY);
  ASSERT_TRUE(CompletePlan(preview, PlanOf("", 2, 2)).ok());
  RunTasks();
  EXPECT_EQ(AnswerOf(during->name()).plan().state_serial(), 1) << "says what it was made from";
  EXPECT_EQ(ledger_.question().supersedes(), ledger_.Held().at(0).name())
      << "quota is asked about what is held now";
}

TEST_P(PreviewsTest, OfAStackThatIsDeletedMeanwhile) {
  MakeReady();
  const auto operation = previews_->Start(Ann(), ChangeOf("shop", 8));
  const Assignment preview = Acquire(Assignment::PREVIEW);
  ASSERT_TRUE(Delete("shop", true).ok());
  RunTasks();
  ASSERT_TRUE(CompletePlan(preview, PlanOf("", 2, 2)).ok());
  RunTasks();
  EXPECT_TRUE(AnswerOf(operation->name()).fits());
  EXPECT_EQ(ledger_.question().supersedes(), "");
  EXPECT_EQ(ReasonOf(previews_->Start(Ann(), ChangeOf("shop", 8)).status()),
            v1::RESOURCE_NOT_FOUND);
}

TEST_P(PreviewsTest, WithoutAnAnswerFromQuotaItGoesOn) {
  ledger_.SetDown(true);
  const auto operation = previews_->Start(Ann(), NewOne());
  ASSERT_TRUE(CompletePlan(Acquire(Assignment::PREVIEW), PlanOf("", 1, 1)).ok());
  RunTasks();
  EXPECT_FALSE(GetOperation(operation->name()).done());
  ledger_.SetDown(false);
  clock_.Advance(absl::Minutes(1));
  RunTasks();
  EXPECT_TRUE(AnswerOf(operation->name()).fits());
  ledger_.Refuse(InvalidField("amounts", "unknown metric vcpu"));
  const auto refused = previews_->Start(Ann(), NewOne());
  ASSERT_TRUE(CompletePlan(Acquire(Assignment::PREVIEW), PlanOf("", 1, 1)).ok());
  RunTasks();
  EXPECT_EQ(ReasonOf(ErrorOf(refused->name())), v1::INVALID_FIELD);
}

TEST_P(PreviewsTest, FailuresAndCancellationsEndIt) {
  const auto failing = previews_->Start(Ann(), NewOne());
  ASSERT_TRUE(Complete(Acquire(Assignment::PREVIEW), RunFailed("no such image")).ok());
  EXPECT_EQ(ReasonOf(ErrorOf(failing->name())), v1::RUN_FAILED);

  const auto uncountable = previews_->Start(Ann(), NewOne());
  auto plan = PlanOf("", 1, 1);
  plan.mutable_resources(0)->clear_attributes();
  ASSERT_TRUE(CompletePlan(Acquire(Assignment::PREVIEW), plan).ok());
  EXPECT_EQ(ReasonOf(ErrorOf(uncountable->name())), v1::INVALID_FIELD);

  for (const bool taken : {false, true}) {
    const auto cancelled = previews_->Start(Ann(), NewOne());
    Assignment preview;
    if (taken) preview = Acquire(Assignment::PREVIEW);
    v1::CancelOperationRequest cancel;
    cancel.set_name(cancelled->name());
    ASSERT_TRUE(operations_->Cancel(Ann(), cancel).ok());
    if (taken) {
      ASSERT_TRUE(Complete(preview, RunFailed("interrupted")).ok());
    }
    EXPECT_EQ(ReasonOf(ErrorOf(cancelled->name())), v1::RUN_CANCELLED) << taken;
  }
  EXPECT_EQ(Count("SELECT COUNT(*) FROM queue"), 0);

  const auto taken_over = previews_->Start(Ann(), NewOne());
  Acquire(Assignment::PREVIEW, "r1");
  clock_.Advance(absl::Minutes(1));
  ASSERT_EQ(queue_->TakeBack().value_or(0), 1);
  ASSERT_TRUE(CompletePlan(Acquire(Assignment::PREVIEW, "r2"), PlanOf("", 1, 1)).ok());
  RunTasks();
  EXPECT_TRUE(AnswerOf(taken_over->name()).fits());
}

TEST_P(PreviewsTest, BadInputIsToldAtOnce) {
  v1::PreviewStackRequest request = NewOne();
  auto& parameters = *request.mutable_stack()->mutable_parameters()->mutable_fields();
  parameters["size"].set_number_value(9);
  parameters["colour"].set_string_value("blue");
  request.mutable_stack()->mutable_lease()->mutable_duration()->set_seconds(-1);
  EXPECT_THAT(FaultsOf(previews_->Start(Ann(), request).status()), SizeIs(3));
  MakeReady();
  request = ChangeOf("shop", 9);
  EXPECT_THAT(FaultsOf(previews_->Start(Ann(), request).status()), SizeIs(1));
  request.mutable_stack()->set_name("projects/other/stacks/shop");
  EXPECT_THAT(FaultsOf(previews_->Start(Ann(), request).status()),
              Contains("stack.name: must be in projects/web"));
  EXPECT_EQ(ReasonOf(previews_->Start(Ann(), ChangeOf("nope", 2)).status()),
            v1::RESOURCE_NOT_FOUND);
  request = NewOne();
  request.set_parent("projects/nope");
  EXPECT_EQ(ReasonOf(previews_->Start(Ann(), request).status()), v1::RESOURCE_NOT_FOUND);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM queue"), 0);
}

}  // namespace
}  // namespace stackyard::stacks
