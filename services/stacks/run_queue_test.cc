// Leases, generations, and what becomes of a run whose runner is lost.
#include "services/stacks/run_queue.h"

#include "absl/strings/str_cat.h"
#include "services/stacks/operations.h"
#include "services/stacks/queue_store.h"
#include "services/stacks/run_views.h"
#include "services/stacks/state_views.h"
#include "services/stacks/test_env.h"

namespace stackyard::stacks {
namespace {

using internal::v1::Assignment;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class RunQueueTest : public StacksTest {
 protected:
  // The runner says nothing for longer than its lease.
  int LoseRunner() {
    clock_.Advance(absl::Seconds(16));
    const auto count = queue_->TakeBack();
    EXPECT_TRUE(count.ok()) << count.status();
    return count.ok() ? *count : -1;
  }
  // A stack whose plan of `count` instances is approved and taken by a runner.
  Assignment StartApply(int count = 2) {
    Create("shop");
    Plan(PlanOf("d1", count, count));
    ApproveAll();
    return Acquire(Assignment::APPLY);
  }
  internal::v1::HeartbeatResponse Beat(const Assignment& assignment) {
    internal::v1::HeartbeatRequest request;
    request.set_runner("r1");
    *request.add_leases() = assignment.lease();
    const auto response = queue_->Heartbeat(request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *response : internal::v1::HeartbeatResponse();
  }
  absl::Status Report(const Assignment& assignment, int64_t first, int count,
                      const std::string& log = "", int64_t offset = 0) {
    internal::v1::ReportRunRequest request;
    *request.mutable_lease() = assignment.lease();
    for (int i = 0; i < count; ++i) {
      v1::RunEvent& event = *request.add_events();
      event.set_sequence(first + i);
      event.set_notice(absl::StrCat("event ", first + i));
    }
    request.set_log(log);
    request.set_log_offset(offset);
    return queue_->Report(request).status();
  }
  v1::Run GetRun(const std::string& name) {
    v1::GetRunRequest request;
    request.set_name(name);
    const auto run = runs_->Get(request);
    EXPECT_TRUE(run.ok()) << run.status();
    return run.ok() ? *run : v1::Run();
  }
  absl::Status Cancel(const std::string& run) {
    v1::CancelRunRequest request;
    request.set_name(run);
    request.set_reason("not needed");
    return runs_->Cancel(Ann(), request).status();
  }
  static absl::Status Drained() {
    return Error(v1::RUN_FAILED, "the runner stops", {{"cause", "drained"}});
  }
};

STACKS_TEST_ON_BOTH(RunQueueTest);

TEST_P(RunQueueTest, AStackHasOneRunAtATime) {
  Create("shop");
  const std::string uid = GetStack().uid();
  const absl::Status second = store_->Write(Actor(), [&](Change& change) {
    return Enqueue(change, StackOf("shop") + "/runs/77", uid, Assignment::DESTROY);
  });
  EXPECT_EQ(ReasonOf(second), v1::WRONG_STATE);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM queue"), 1);
}

TEST_P(RunQueueTest, WorkIsGivenOutOnceOldestFirst) {
  Create("one");
  Create("two");
  EXPECT_EQ(Acquire(Assignment::PLAN, "r1").stack(), StackOf("one"));
  EXPECT_EQ(Acquire(Assignment::PLAN, "r2").stack(), StackOf("two"));
  EXPECT_FALSE(TryAcquire("r3").has_value());
  const v1::Run run = GetRun(StackOf("one") + "/runs/1");
  EXPECT_EQ(run.state(), v1::Run::RUNNING);
  EXPECT_EQ(run.runner(), "r1");
  EXPECT_EQ(run.engine(), "terraform 1.11.4");
}

// Its runner stopped asking while the answer was made.
TEST_P(RunQueueTest, WhatNobodyHearsOfIsPutBackAtOnce) {
  Create("shop");
  internal::v1::AcquireRunsRequest request;
  request.set_runner("r1");
  request.set_free_slots(1);
  // Gone before anything was leased, and then right after.
  for (int calls : {0, 1}) {
    const auto response = queue_->Acquire(request, [&] { return calls-- == 0; });
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->assignments_size(), 0);
    EXPECT_EQ(Count("SELECT COUNT(*) FROM queue WHERE leased = 1"), 0);
  }
  // The second was one generation, which nobody has.
  EXPECT_EQ(Acquire(Assignment::PLAN, "r2").lease().generation(), 2);
}

TEST_P(RunQueueTest, ALostPlanIsMadeByTheNextRunner) {
  Create("shop");
  const Assignment lost = Acquire(Assignment::PLAN, "r1");
  clock_.Advance(absl::Seconds(10));
  EXPECT_THAT(Beat(lost).lost(), IsEmpty());
  clock_.Advance(absl::Seconds(10));
  EXPECT_EQ(*queue_->TakeBack(), 0) << "the heartbeat kept it";
  EXPECT_EQ(LoseRunner(), 1);
  EXPECT_EQ(GetStack().state(), v1::Stack::PLANNING);
  const Assignment next = Acquire(Assignment::PLAN, "r2");
  EXPECT_EQ(next.lease().run(), lost.lease().run());
  EXPECT_EQ(next.lease().generation(), lost.lease().generation() + 1);
  EXPECT_EQ(GetRun(next.lease().run()).generation(), 2);

  // The zombie can harm nothing.
  EXPECT_THAT(Beat(lost).lost(), SizeIs(1));
  EXPECT_EQ(ReasonOf(Report(lost, 1, 1)), v1::GENERATION_STALE);
  EXPECT_EQ(ReasonOf(SaveState(lost, StateOf(1, 1))), v1::GENERATION_STALE);
  EXPECT_EQ(ReasonOf(CompletePlan(lost, PlanOf("zombie", 9, 9))), v1::GENERATION_STALE);
  EXPECT_EQ(GetStack().state(), v1::Stack::PLANNING);
  ASSERT_TRUE(CompletePlan(next, PlanOf("d1", 1, 1)).ok());
  RunTasks();
  EXPECT_EQ(PendingRequest().plan_digest(), "d1");
  EXPECT_EQ(ReasonOf(CompletePlan(lost, PlanOf("zombie", 9, 9))), v1::GENERATION_STALE);
}

TEST_P(RunQueueTest, ARepeatedCompletionChangesNothing) {
  Create("shop");
  const Assignment plan = Acquire(Assignment::PLAN);
  ASSERT_TRUE(CompletePlan(plan, PlanOf("d1", 1, 1)).ok());
  RunTasks();
  const std::string etag = GetStack().etag();
  EXPECT_TRUE(CompletePlan(plan, PlanOf("d1", 1, 1)).ok()) << "the first answer was lost";
  EXPECT_TRUE(Complete(plan, RunFailed("late")).ok());
  EXPECT_EQ(GetStack().etag(), etag);
}

TEST_P(RunQueueTest, AnApplyThatSavedNothingIsDoneAgain) {
  const Assignment lost = StartApply();
  EXPECT_EQ(LoseRunner(), 1);
  EXPECT_EQ(GetStack().state(), v1::Stack::APPLYING);
  const Assignment next = Acquire(Assignment::APPLY, "r2");
  EXPECT_EQ(next.plan_digest(), "d1");
  EXPECT_EQ(next.lease().run(), lost.lease().run());
  ASSERT_TRUE(SaveState(next, StateOf(1, 2)).ok());
  ASSERT_TRUE(Complete(next).ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::READY);
}

TEST_P(RunQueueTest, AnApplyThatMovedTheStateIsPlannedAgainAndGoesOnWithoutASecondReview) {
  const Assignment lost = StartApply(3);
  const std::string operation = GetStack().operation();
  const std::string request = GetStack().change_request();
  ASSERT_TRUE(SaveState(lost, StateOf(1, 1)).ok());
  EXPECT_EQ(LoseRunner(), 1);
  EXPECT_EQ(GetStack().state(), v1::Stack::PLANNING);
  EXPECT_EQ(GetStack().resource_count(), 1) << "what was saved is there";
  EXPECT_EQ(GetRun(lost.lease().run()).state(), v1::Run::FAILED);
  EXPECT_THAT(GetRun(lost.lease().run()).error().message(), HasSubstr("r1 fell silent"));
  EXPECT_EQ(ReasonOf(Complete(lost)), v1::GENERATION_STALE);
  RunTasks();
  EXPECT_EQ(ledger_.Sum("vcpu"), 6) << "what was reserved stays reserved";

  const Assignment plan = Acquire(Assignment::PLAN, "r2");
  EXPECT_THAT(plan.state(), HasSubstr("i-0")) << "from the last state saved";
  ASSERT_TRUE(CompletePlan(plan, PlanOf("d2", 2, 3, 1)).ok());
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::APPLYING) << "the approval covers the rest";
  EXPECT_EQ(GetStack().change_request(), request);
  const Assignment rest = Acquire(Assignment::APPLY, "r2");
  EXPECT_EQ(rest.plan_digest(), "d2");
  ASSERT_TRUE(SaveState(rest, StateOf(2, 3)).ok());
  ASSERT_TRUE(Complete(rest).ok());
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::READY);
  EXPECT_TRUE(GetOperation(operation).done());
  ASSERT_THAT(ledger_.Held(), SizeIs(1));
  EXPECT_EQ(ledger_.Sum("vcpu"), 6);
}

TEST_P(RunQueueTest, ARestThatDoesMoreThanWasApprovedIsReviewed) {
  const Assignment lost = StartApply(2);
  ASSERT_TRUE(SaveState(lost, StateOf(1, 1)).ok());
  LoseRunner();
  ASSERT_TRUE(CompletePlan(Acquire(Assignment::PLAN), PlanOf("d2", 2, 3, 1)).ok());
  RunTasks();
  const ChangeRequest request = PendingRequest();
  EXPECT_EQ(request.plan_digest(), "d2");
  v1::RejectChangeRequestRequest reject;
  reject.set_name(request.name());
  reject.set_reason("no");
  ASSERT_TRUE(reviews_->Reject(Dan(), reject).ok());
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::FAILED) << "there are resources";
  EXPECT_THAT(ledger_.Held(), SizeIs(1));
}

TEST_P(RunQueueTest, WhatALostRunnerLeftBehindIsDestroyedNotForgotten) {
  const Assignment lost = StartApply(2);
  ASSERT_TRUE(SaveState(lost, StateOf(1, 1)).ok());
  LoseRunner();
  ASSERT_TRUE(Complete(Acquire(Assignment::PLAN), RunFailed("no credentials")).ok());
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::FAILED);
  EXPECT_EQ(GetStack().resource_count(), 1);
  EXPECT_THAT(ledger_.Held(), SizeIs(1));
  ASSERT_TRUE(Delete("shop").ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYING);
  Acquire(Assignment::DESTROY);
}

TEST_P(RunQueueTest, WhatALostRunnerMayHaveMadeIsCountedUntilItIsKnown) {
  // Two instances of 2 vcpu, and an update to six.
  MakeReady("shop", 2);
  ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 4)).ok());
  Plan(PlanOf("d2", 4, 6, 2));
  ApproveAll();
  const Assignment lost = Acquire(Assignment::APPLY);
  ASSERT_TRUE(SaveState(lost, StateOf(3, 5)).ok());
  LoseRunner();
  RunTasks();
  EXPECT_EQ(ledger_.Sum("vcpu"), 12);
  // What the stack shows is what quota holds: nothing is there for the reconciler to mend.
  const auto amounts = GetStack().amounts();
  EXPECT_TRUE(std::any_of(amounts.begin(), amounts.end(), [](const v1::Amount& amount) {
    return amount.metric() == "vcpu" && amount.value() == 12;
  })) << GetStack().ShortDebugString();
  ASSERT_TRUE(Complete(Acquire(Assignment::PLAN), RunFailed("no credentials")).ok());
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::FAILED);
  EXPECT_EQ(ledger_.Sum("vcpu"), 12);
}

TEST_P(RunQueueTest, TheLeaseEndsForWhatALostRunnerLeftBehind) {
  const Assignment lost = StartApply(2);
  ASSERT_TRUE(SaveState(lost, StateOf(1, 1)).ok());
  LoseRunner();
  ASSERT_TRUE(Complete(Acquire(Assignment::PLAN), RunFailed("no credentials")).ok());
  clock_.Advance(absl::Hours(73));
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYING);
}

TEST_P(RunQueueTest, ADrainedRunnerHandsItsWorkOn) {
  Create("shop");
  ASSERT_TRUE(Complete(Acquire(Assignment::PLAN, "r1"), Drained()).ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::PLANNING);
  Plan(PlanOf("d1", 2, 2));
  ApproveAll();
  const Assignment apply = Acquire(Assignment::APPLY, "r1");
  ASSERT_TRUE(SaveState(apply, StateOf(1, 1)).ok());
  ASSERT_TRUE(Complete(apply, Drained()).ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::PLANNING);
  RunTasks();
  ASSERT_TRUE(CompletePlan(Acquire(Assignment::PLAN, "r2"), PlanOf("d2", 1, 2, 1)).ok());
  RunTasks();
  Apply(StateOf(2, 2));
  EXPECT_EQ(GetStack().state(), v1::Stack::READY);

  ASSERT_TRUE(Delete("shop").ok());
  const Assignment destroy = Acquire(Assignment::DESTROY, "r1");
  ASSERT_TRUE(SaveState(destroy, StateOf(3, 1)).ok());
  ASSERT_TRUE(Complete(destroy, Drained()).ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYING) << "destroying goes on from the state";
  const Assignment next = Acquire(Assignment::DESTROY, "r2");
  EXPECT_EQ(next.lease().run(), destroy.lease().run());
  ASSERT_TRUE(SaveState(next, StateOf(4, 0)).ok());
  ASSERT_TRUE(Complete(next).ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYED);
}

TEST_P(RunQueueTest, StatesOnlyGoOn) {
  const Assignment apply = StartApply();
  ASSERT_TRUE(SaveState(apply, StateOf(5, 1)).ok());
  EXPECT_TRUE(SaveState(apply, StateOf(5, 1)).ok()) << "the same snapshot again";
  EXPECT_EQ(ReasonOf(SaveState(apply, StateOf(5, 2))), v1::STATE_CONFLICT);
  EXPECT_EQ(ReasonOf(SaveState(apply, StateOf(4, 2))), v1::STATE_CONFLICT);
  EXPECT_EQ(ReasonOf(SaveState(apply, StateOf(6, 2, "2", "other"))), v1::STATE_CONFLICT);
  EXPECT_EQ(ReasonOf(SaveState(apply, "{}")), v1::INVALID_FIELD);
  EXPECT_TRUE(SaveState(apply, StateOf(9, 2)).ok());
  EXPECT_TRUE(SaveState(apply, StateOf(10, 2)).ok());
  v1::ListStateVersionsRequest list;
  list.set_parent(StackOf("shop"));
  const auto states = StateViews(*store_, *blobs_).List(list);
  ASSERT_TRUE(states.ok()) << states.status();
  std::vector<int64_t> serials;
  for (const v1::StateVersion& version : states->state_versions()) {
    serials.push_back(version.serial());
  }
  EXPECT_THAT(serials, ElementsAre(10, 9, 5)) << "newest first";
}

TEST_P(RunQueueTest, ReportsAreTakenOnceAndInOrder) {
  Create("shop");
  const Assignment plan = Acquire(Assignment::PLAN);
  ASSERT_TRUE(Report(plan, 1, 2, "one\n").ok());
  ASSERT_TRUE(Report(plan, 1, 2, "one\n").ok()) << "again, since the answer was lost";
  ASSERT_TRUE(Report(plan, 2, 2, "one\ntwo\n").ok()) << "half of it is known";
  EXPECT_EQ(ReasonOf(Report(plan, 5, 1)), v1::INVALID_FIELD) << "a gap";
  EXPECT_EQ(ReasonOf(Report(plan, 4, 1, "x\n", 100)), v1::INVALID_FIELD);
  EXPECT_NE(ReasonOf(Report(plan, 4, 1, "0123456789\n", -5)), v1::ERROR_REASON_UNSPECIFIED)
      << "no such offset";
  v1::ReadLogRequest read;
  read.set_name(plan.lease().run());
  EXPECT_EQ(runs_->ReadLog(read)->text(), "one\ntwo\n");
  read.set_offset(4);
  EXPECT_EQ(runs_->ReadLog(read)->text(), "two\n");
  EXPECT_EQ(runs_->ReadLog(read)->next_offset(), 8);
  EXPECT_FALSE(runs_->ReadLog(read)->complete());

  // The next runner begins with its own first event and its own first line.
  LoseRunner();
  const Assignment next = Acquire(Assignment::PLAN, "r2");
  ASSERT_TRUE(Report(next, 1, 9, "three\n").ok());
  ASSERT_TRUE(CompletePlan(next, PlanOf("d1", 1, 1)).ok());
  read.set_offset(0);
  EXPECT_EQ(runs_->ReadLog(read)->text(), "one\ntwo\nthree\n");
  EXPECT_TRUE(runs_->ReadLog(read)->complete());
  v1::ListRunEventsRequest list;
  list.set_parent(plan.lease().run());
  const auto events = runs_->ListEvents(list);
  ASSERT_TRUE(events.ok());
  ASSERT_EQ(events->run_events_size(), 12);
  for (int i = 0; i < 12; ++i) EXPECT_EQ(events->run_events(i).sequence(), i + 1);
  EXPECT_EQ(events->run_events(3).notice(), "event 1");
}

TEST_P(RunQueueTest, ProgressShowsInTheRunAndInTheOperation) {
  const Assignment apply = StartApply();
  internal::v1::ReportRunRequest request;
  *request.mutable_lease() = apply.lease();
  auto& started = *request.add_events();
  started.set_sequence(1);
  started.mutable_resource()->set_address("aws_instance.web[0]");
  started.mutable_resource()->set_phase(v1::ResourceEvent::STARTED);
  started.mutable_resource()->set_action(v1::ResourceChange::CREATE);
  ASSERT_TRUE(queue_->Report(request).ok());
  EXPECT_EQ(GetRun(apply.lease().run()).progress().total(), 2);
  v1::OperationMetadata metadata;
  ASSERT_TRUE(GetOperation(GetStack().operation()).metadata().UnpackTo(&metadata));
  EXPECT_EQ(metadata.stage(), v1::OperationMetadata::APPLYING);
  EXPECT_THAT(metadata.progress().active(), ElementsAre("aws_instance.web[0]"));
}

TEST_P(RunQueueTest, ProgressGoesOnAfterATakeover) {
  MakeReady("shop", 3);
  ASSERT_TRUE(Delete("shop").ok());
  const auto tell = [this](const Assignment& assignment, int total, int done, int failed) {
    internal::v1::ReportRunRequest request;
    *request.mutable_lease() = assignment.lease();
    request.add_events()->set_planned_total(total);
    for (int i = 0; i < done + failed; ++i) {
      auto& resource = *request.add_events()->mutable_resource();
      resource.set_address(absl::StrCat("aws_instance.web[", i, "]"));
      resource.set_action(v1::ResourceChange::DELETE);
      resource.set_phase(i < done ? v1::ResourceEvent::DONE : v1::ResourceEvent::ERRORED);
    }
    for (int i = 0; i < request.events_size(); ++i) request.mutable_events(i)->set_sequence(i + 1);
    EXPECT_TRUE(queue_->Report(request).ok());
    return GetRun(assignment.lease().run()).progress();
  };
  const Assignment first = Acquire(Assignment::DESTROY, "r1");
  v1::Progress progress = tell(first, 3, 1, 1);
  EXPECT_EQ(progress.total(), 3);
  EXPECT_EQ(progress.done(), 1);
  EXPECT_EQ(progress.failed(), 1);
  EXPECT_EQ(LoseRunner(), 1);
  const Assignment second = Acquire(Assignment::DESTROY, "r2");
  ASSERT_EQ(second.lease().generation(), 2);
  progress = tell(second, 2, 2, 0);
  EXPECT_EQ(progress.total(), 3) << "one was done before";
  EXPECT_EQ(progress.done(), 3);
  EXPECT_EQ(progress.failed(), 0) << "it was tried again";
}

TEST_P(RunQueueTest, CancellingAQueuedPlanEndsIt) {
  const Operation operation = Create("shop");
  ASSERT_TRUE(Cancel(GetStack().active_run()).ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::REJECTED);
  EXPECT_EQ(GetStack().active_run(), "");
  EXPECT_EQ(GetRun(StackOf("shop") + "/runs/1").state(), v1::Run::CANCELLED);
  EXPECT_EQ(ReasonOf(ErrorOf(operation.name())), v1::RUN_CANCELLED);
  EXPECT_FALSE(TryAcquire().has_value());
  EXPECT_EQ(ReasonOf(Cancel(StackOf("shop") + "/runs/1")), v1::WRONG_STATE);
}

TEST_P(RunQueueTest, CancellingAQueuedApplyHoldsNothing) {
  Create("shop");
  Plan(PlanOf("d1", 1, 1));
  ApproveAll();
  ASSERT_TRUE(Cancel(GetStack().active_run()).ok());
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::REJECTED);
  EXPECT_EQ(GetRevision(1).state(), v1::Revision::REJECTED);
  EXPECT_THAT(ledger_.Held(), IsEmpty());
  EXPECT_FALSE(TryAcquire().has_value());
}

TEST_P(RunQueueTest, CancellingAQueuedUpdateLeavesTheStackReady) {
  MakeReady();
  ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 4)).ok());
  Plan(PlanOf("d2", 1, 2, 1));
  ApproveAll();
  ASSERT_TRUE(Cancel(GetStack().active_run()).ok());
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::READY);
  EXPECT_EQ(GetStack().parameters().fields().at("size").number_value(), 2);
  EXPECT_THAT(ledger_.Held(), SizeIs(1));
}

TEST_P(RunQueueTest, CancellingAnApplyBetweenTwoRunnersIsAFailure) {
  StartApply();
  LoseRunner();
  ASSERT_TRUE(Cancel(GetStack().active_run()).ok());
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::FAILED) << "the first may have touched something";
  EXPECT_THAT(ledger_.Held(), IsEmpty());
}

TEST_P(RunQueueTest, CancellingAQueuedDestroyDoesNotKeepAStackForEver) {
  MakeReady();
  clock_.Advance(absl::Hours(73));
  RunTasks();
  ASSERT_TRUE(Cancel(GetStack().active_run()).ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::FAILED);
  clock_.Advance(absl::Hours(1));
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYING);
}

TEST_P(RunQueueTest, CancellingARunningApplyAsksItsRunner) {
  const Assignment apply = StartApply();
  const std::string operation = GetStack().operation();
  EXPECT_THAT(Beat(apply).cancellations(), IsEmpty());
  ASSERT_TRUE(Cancel(apply.lease().run()).ok());
  ASSERT_THAT(Beat(apply).cancellations(), SizeIs(1));
  EXPECT_FALSE(Beat(apply).cancellations(0).kill());
  EXPECT_TRUE(GetRun(apply.lease().run()).cancel_requested());
  ASSERT_TRUE(Cancel(apply.lease().run()).ok());
  EXPECT_TRUE(Beat(apply).cancellations(0).kill()) << "the second time";
  ASSERT_TRUE(SaveState(apply, StateOf(1, 1)).ok());
  ASSERT_TRUE(Complete(apply, Drained()).ok());
  RunTasks();
  EXPECT_EQ(GetRun(apply.lease().run()).state(), v1::Run::CANCELLED);
  EXPECT_THAT(GetRun(apply.lease().run()).error().message(), HasSubstr("not needed"));
  EXPECT_EQ(GetStack().state(), v1::Stack::FAILED);
  EXPECT_EQ(ledger_.Sum("vcpu"), 2);
  EXPECT_EQ(ReasonOf(ErrorOf(operation)), v1::RUN_CANCELLED);
}

TEST_P(RunQueueTest, RunnersAreToldWhatARunMayUseAndAModuleMayContain) {
  Publish("2.0.0", ShopYaml() + "limits: {memory: 256MiB, plan_timeout: 5m}\n");
  v1::CreateStackRequest request = CreateRequest("shop");
  request.mutable_stack()->set_template_version("templates/shop/versions/2.0.0");
  ASSERT_TRUE(stacks_->Create(Ann(), request).ok());
  const Assignment plan = Acquire(Assignment::PLAN);
  EXPECT_EQ(plan.limits().memory_mib(), 256);
  EXPECT_EQ(FromProto(plan.limits().plan_timeout()), absl::Minutes(5));
  EXPECT_FALSE(plan.limits().has_apply_timeout());
  EXPECT_THAT(plan.policy().denied_data_sources(), ElementsAre("external"));
}

TEST_P(RunQueueTest, WorkThatCannotBeStartedKeepsNobodyElseWaiting) {
  ASSERT_TRUE(TryPublish("other", "1.0", ShopYaml()).ok());
  const absl::Status gone = store_->Write(Actor(), [](Change& change) {
    change.sql << "DELETE FROM template_versions WHERE template = 'other'";
    return absl::OkStatus();
  });
  ASSERT_TRUE(gone.ok());
  Create("shop");
  TryAcquire();
  EXPECT_TRUE(TryAcquire().has_value() || GetStack().state() == v1::Stack::PLANNING);
}

TEST_P(RunQueueTest, AcquireChecksWhatItIsAsked) {
  internal::v1::AcquireRunsRequest request;
  EXPECT_EQ(ReasonOf(queue_->Acquire(request, [] { return false; }).status()), v1::INVALID_FIELD);
  request.set_runner("r1");
  EXPECT_EQ(ReasonOf(queue_->Acquire(request, [] { return false; }).status()), v1::INVALID_FIELD);
  request.set_free_slots(3);
  EXPECT_EQ(queue_->Acquire(request, [] { return false; })->assignments_size(), 0);
  Create("one");
  Create("two");
  EXPECT_EQ(queue_->Acquire(request, [] { return false; })->assignments_size(), 2);
}

}  // namespace
}  // namespace stackyard::stacks
