// Looking for drift, by hand and by the clock, and bringing drifted resources back.
#include "services/stacks/drift.h"

#include <algorithm>

#include "services/stacks/test_env.h"

namespace stackyard::stacks {
namespace {

using internal::v1::Assignment;
using internal::v1::PlanSummary;
using testing::HasSubstr;
using testing::SizeIs;

constexpr char kWatched[] = "templates/shop/versions/2.0";

// A refresh that finds `count` instances of another size.
PlanSummary DriftOf(int count) {
  PlanSummary summary;
  for (int i = 0; i < count; ++i) {
    v1::ResourceChange& change = *summary.mutable_plan()->add_changes();
    change.set_address(absl::StrCat("aws_instance.web[", i, "]"));
    change.set_type("aws_instance");
    change.set_action(v1::ResourceChange::UPDATE);
    change.add_attributes()->set_path("size");
  }
  summary.mutable_plan();
  return summary;
}

class DriftTest : public StacksTest {
 protected:
  absl::StatusOr<Operation> Check(const std::string& id = "shop") {
    v1::CheckDriftRequest request;
    request.set_name(StackOf(id));
    return drift_->Check(Ann(), request);
  }
  absl::StatusOr<Operation> Repair(const std::string& id = "shop") {
    v1::RepairDriftRequest request;
    request.set_name(StackOf(id));
    return drift_->Repair(Ann(), request);
  }
  // A READY stack that is looked at every day.
  void MakeWatched() {
    Publish("2.0", ShopYaml() + "drift: {interval: 24h}\n");
    v1::CreateStackRequest request = CreateRequest("shop");
    request.mutable_stack()->set_template_version(kWatched);
    ASSERT_TRUE(stacks_->Create(Ann(), request).ok());
    Plan(PlanOf("d1", 1, 1));
    ApproveAll();
    Apply(StateOf(1, 1));
    ASSERT_EQ(GetStack().state(), v1::Stack::READY);
  }
  void Pass(absl::Duration time) {
    clock_.Advance(time);
    RunTasks();
  }
  int64_t Waiting() { return Count("SELECT COUNT(*) FROM queue"); }
  int64_t Found() {
    const auto types = EventTypes();
    return std::count(types.begin(), types.end(), "stack.driftFound");
  }
};

STACKS_TEST_ON_BOTH(DriftTest);

TEST_P(DriftTest, ShowsWhatDiffersAndTellsItOnce) {
  MakeReady("shop", 2);
  EXPECT_FALSE(GetStack().has_drift());
  const auto operation = Check();
  ASSERT_TRUE(operation.ok()) << operation.status();
  const Assignment refresh = Acquire(Assignment::REFRESH);
  EXPECT_EQ(refresh.parameters().fields().at("size").number_value(), 2);
  EXPECT_THAT(refresh.state(), HasSubstr("lineage-1"));
  EXPECT_EQ(GetStack().state(), v1::Stack::READY) << "in use while somebody looks at it";
  EXPECT_EQ(GetStack().active_run(), refresh.lease().run());
  ASSERT_TRUE(CompletePlan(refresh, DriftOf(2)).ok());

  const v1::Stack stack = GetStack();
  EXPECT_EQ(stack.state(), v1::Stack::READY);
  EXPECT_EQ(stack.active_run(), "");
  EXPECT_THAT(stack.drift().changes(), SizeIs(2));
  EXPECT_EQ(FromProto(stack.drift().check_time()), clock_.TimeNow());
  v1::Stack answer;
  ASSERT_TRUE(GetOperation(operation->name()).response().UnpackTo(&answer));
  EXPECT_EQ(answer.drift().changes(1).address(), "aws_instance.web[1]");
  EXPECT_EQ(Found(), 1);

  ASSERT_TRUE(Check().ok());
  ASSERT_TRUE(CompletePlan(Acquire(Assignment::REFRESH), DriftOf(2)).ok());
  EXPECT_EQ(Found(), 1) << "the same is no news";
  ASSERT_TRUE(Check().ok());
  ASSERT_TRUE(CompletePlan(Acquire(Assignment::REFRESH), DriftOf(1)).ok());
  EXPECT_EQ(Found(), 2);
  ASSERT_TRUE(Check().ok());
  ASSERT_TRUE(CompletePlan(Acquire(Assignment::REFRESH), DriftOf(0)).ok());
  EXPECT_TRUE(GetStack().has_drift());
  EXPECT_THAT(GetStack().drift().changes(), SizeIs(0));
  EXPECT_EQ(Found(), 2);
  EXPECT_EQ(Waiting(), 0);
}

TEST_P(DriftTest, ShowsNoMoreThanARowCanHold) {
  MakeReady();
  ASSERT_TRUE(Check().ok());
  PlanSummary many = DriftOf(300);
  for (auto& change : *many.mutable_plan()->mutable_changes()) {
    change.mutable_attributes(0)->set_after_json(std::string(10'000, 'x'));
  }
  ASSERT_TRUE(CompletePlan(Acquire(Assignment::REFRESH), many).ok());
  const v1::Drift drift = GetStack().drift();
  EXPECT_THAT(drift.changes(), SizeIs(100));
  EXPECT_LT(drift.ByteSizeLong(), 300u << 10);
  EXPECT_EQ(drift.changes(99).address(), "aws_instance.web[99]");
}

TEST_P(DriftTest, LooksWithWhatWasApplied) {
  MakeReady();
  ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 8)).ok());
  ASSERT_TRUE(Complete(Acquire(Assignment::PLAN), RunFailed("no")).ok());
  ASSERT_EQ(GetStack().state(), v1::Stack::READY);
  ASSERT_TRUE(Check().ok());
  EXPECT_EQ(Acquire(Assignment::REFRESH).parameters().fields().at("size").number_value(), 2);
}

TEST_P(DriftTest, OnlyWhatIsThereAndLeftAloneCanBeChecked) {
  EXPECT_EQ(ReasonOf(Check("nope").status()), v1::RESOURCE_NOT_FOUND);
  Create("shop");
  EXPECT_EQ(ReasonOf(Check().status()), v1::WRONG_STATE);
  EXPECT_EQ(ReasonOf(Repair().status()), v1::WRONG_STATE);
  Plan(PlanOf("d1", 1, 1));
  EXPECT_EQ(ReasonOf(Check().status()), v1::WRONG_STATE) << "it waits for review";
  ApproveAll();
  Apply(StateOf(1, 1));
  ASSERT_TRUE(Check().ok());
  EXPECT_EQ(ReasonOf(Check().status()), v1::WRONG_STATE) << "one goes on";
}

TEST_P(DriftTest, ACheckThatFailsLeavesWhatIsShown) {
  MakeReady();
  ASSERT_TRUE(Check().ok());
  ASSERT_TRUE(CompletePlan(Acquire(Assignment::REFRESH), DriftOf(1)).ok());
  const auto failing = Check();
  ASSERT_TRUE(failing.ok());
  ASSERT_TRUE(Complete(Acquire(Assignment::REFRESH), RunFailed("no credentials")).ok());
  EXPECT_EQ(ReasonOf(ErrorOf(failing->name())), v1::RUN_FAILED);
  EXPECT_EQ(GetStack().state(), v1::Stack::READY);
  EXPECT_THAT(GetStack().drift().changes(), SizeIs(1));

  const auto cancelled = Check();
  ASSERT_TRUE(cancelled.ok());
  v1::CancelOperationRequest cancel;
  cancel.set_name(cancelled->name());
  ASSERT_TRUE(operations_->Cancel(Ann(), cancel).ok());
  EXPECT_EQ(ReasonOf(ErrorOf(cancelled->name())), v1::RUN_CANCELLED);
  EXPECT_EQ(GetStack().state(), v1::Stack::READY);
  EXPECT_EQ(GetStack().active_run(), "");
  EXPECT_FALSE(TryAcquire().has_value());
}

TEST_P(DriftTest, ARunnerThatFallsSilentIsReplaced) {
  MakeReady();
  ASSERT_TRUE(Check().ok());
  const Assignment lost = Acquire(Assignment::REFRESH, "r1");
  clock_.Advance(absl::Minutes(1));
  ASSERT_EQ(queue_->TakeBack().value_or(0), 1);
  const Assignment second = Acquire(Assignment::REFRESH, "r2");
  EXPECT_EQ(ReasonOf(CompletePlan(lost, DriftOf(1))), v1::GENERATION_STALE);
  ASSERT_TRUE(CompletePlan(second, DriftOf(0)).ok());
  EXPECT_EQ(Found(), 0);
}

TEST_P(DriftTest, AChangeGoesFirst) {
  MakeReady();
  for (const bool taken : {true, false}) {
    const auto operation = Check();
    ASSERT_TRUE(operation.ok()) << operation.status();
    Assignment check;
    if (taken) check = Acquire(Assignment::REFRESH);
    const std::string run = GetStack().active_run();
    ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 4)).ok());
    EXPECT_EQ(ReasonOf(ErrorOf(operation->name())), v1::RUN_CANCELLED);
    v1::GetRunRequest get;
    get.set_name(run);
    EXPECT_EQ(runs_->Get(get)->state(), v1::Run::CANCELLED);
    EXPECT_EQ(Waiting(), 1);
    if (taken) {
      EXPECT_EQ(ReasonOf(CompletePlan(check, DriftOf(1))), v1::GENERATION_STALE);
    }
    ASSERT_TRUE(Complete(Acquire(Assignment::PLAN), RunFailed("no")).ok());
    EXPECT_EQ(GetStack().state(), v1::Stack::READY);
    EXPECT_FALSE(GetStack().has_drift());
  }
  ASSERT_TRUE(Check().ok());
  ASSERT_TRUE(Delete("shop", /*abandon=*/true).ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYED);
  EXPECT_EQ(Waiting(), 0);
}

TEST_P(DriftTest, TheClockLooksAsThePolicySays) {
  MakeWatched();
  Pass(absl::Hours(24) - absl::Seconds(1));
  EXPECT_EQ(Waiting(), 0);
  Pass(absl::Seconds(1));
  const Assignment first = Acquire(Assignment::REFRESH);
  EXPECT_FALSE(GetStack().operation().empty());
  EXPECT_TRUE(GetOperation(GetStack().operation()).done()) << "nobody waits for this one";
  // It takes longer than a day: the next one is left out.
  Pass(absl::Hours(24));
  EXPECT_EQ(Waiting(), 1);
  ASSERT_TRUE(CompletePlan(first, DriftOf(1)).ok());
  EXPECT_EQ(Found(), 1);
  EXPECT_EQ(Waiting(), 0);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM tasks WHERE name LIKE 'drift/%'"), 1);
  ASSERT_TRUE(Delete("shop", true).ok());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM tasks WHERE name LIKE 'drift/%'"), 0);
}

TEST_P(DriftTest, TheClockLeavesABusyStackAlone) {
  MakeWatched();
  ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 4)).ok());
  Pass(absl::Hours(25));
  EXPECT_EQ(Waiting(), 1);
  const Assignment plan = Acquire(Assignment::PLAN);
  Pass(absl::Hours(1));
  ASSERT_TRUE(Complete(plan, RunFailed("no")).ok());
  Pass(absl::Hours(1));
  EXPECT_EQ(Waiting(), 0) << "what was left out is not made up for";
  Pass(absl::Hours(24));
  Acquire(Assignment::REFRESH);
}

TEST_P(DriftTest, ATemplateWithoutAPolicyIsNotLookedAt) {
  MakeReady();
  EXPECT_EQ(Count("SELECT COUNT(*) FROM tasks WHERE name LIKE 'drift/%'"), 0);
  Pass(absl::Hours(70));
  EXPECT_EQ(Waiting(), 0);
}

TEST_P(DriftTest, RepairGoesTheWayOfAnUpdate) {
  MakeReady();
  ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 8)).ok());
  ASSERT_TRUE(Complete(Acquire(Assignment::PLAN), RunFailed("no")).ok());
  ASSERT_TRUE(Check().ok());
  ASSERT_TRUE(CompletePlan(Acquire(Assignment::REFRESH), DriftOf(1)).ok());
  const std::string held = ledger_.Held().at(0).name();

  const auto operation = Repair();
  ASSERT_TRUE(operation.ok()) << operation.status();
  const Assignment plan = Acquire(Assignment::PLAN);
  EXPECT_EQ(plan.parameters().fields().at("size").number_value(), 2) << "what is applied";
  EXPECT_EQ(plan.parameters().fields().at("password").string_value(), "hunter2");
  PlanSummary repair = PlanOf("d-repair", 0, 1);
  v1::ResourceChange& change = *repair.mutable_plan()->add_changes();
  change.set_address("aws_instance.web[0]");
  change.set_action(v1::ResourceChange::UPDATE);
  ASSERT_TRUE(CompletePlan(plan, repair).ok());
  RunTasks();
  EXPECT_EQ(PendingRequest().type(), ChangeRequest::UPDATE);
  ASSERT_THAT(ledger_.Held(), SizeIs(2));
  ApproveAll();
  Apply(StateOf(2, 1));
  EXPECT_EQ(GetStack().state(), v1::Stack::READY);
  EXPECT_FALSE(GetStack().has_drift()) << "it was brought back";
  EXPECT_EQ(GetStack().applied_revision(), 3);
  ASSERT_THAT(ledger_.Held(), SizeIs(1));
  EXPECT_EQ(ledger_.Held()[0].supersedes(), held);
  EXPECT_TRUE(GetOperation(operation->name()).has_response());
}

}  // namespace
}  // namespace stackyard::stacks
