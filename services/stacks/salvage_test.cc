// Runners that are lost in the middle of a change: what they may have made is told, and what they
// left on their machine is taken where it is still of use.
#include "services/stacks/salvage.h"

#include "services/stacks/states_env.h"
#include "services/stacks/takeover.h"

namespace stackyard::stacks {
namespace {

using internal::v1::Assignment;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using v1::ResourceChange;
using v1::ResourceEvent;

class SalvageTest : public StatesTest {
 protected:
  void LoseRunner() {
    clock_.Advance(absl::Seconds(16));
    const auto count = queue_->TakeBack();
    ASSERT_TRUE(count.ok()) << count.status();
    ASSERT_EQ(*count, 1);
  }
  // A stack whose plan of `count` instances is approved and taken by a runner.
  Assignment StartApply(int count = 3) {
    Create("shop");
    Plan(PlanOf("d1", count, count));
    ApproveAll();
    return Acquire(Assignment::APPLY);
  }
  void Report(const Assignment& assignment, int instance, ResourceEvent::Phase phase,
              ResourceChange::Action action = ResourceChange::CREATE) {
    internal::v1::ReportRunRequest request;
    *request.mutable_lease() = assignment.lease();
    v1::RunEvent& event = *request.add_events();
    event.set_sequence(++sequence_);
    event.mutable_resource()->set_address(absl::StrCat("aws_instance.web[", instance, "]"));
    event.mutable_resource()->set_phase(phase);
    event.mutable_resource()->set_action(action);
    const auto reported = queue_->Report(request);
    ASSERT_TRUE(reported.ok()) << reported.status();
  }
  v1::Run GetRun(const std::string& name) {
    v1::GetRunRequest request;
    request.set_name(name);
    const auto run = runs_->Get(request);
    EXPECT_TRUE(run.ok()) << run.status();
    return run.ok() ? *run : v1::Run();
  }
  // Notices in the events of a run.
  std::string Notices(const std::string& run) {
    v1::ListRunEventsRequest request;
    request.set_parent(run);
    const auto events = runs_->ListEvents(request);
    EXPECT_TRUE(events.ok()) << events.status();
    std::string text;
    for (const auto& event : events->run_events()) text += event.notice();
    return text;
  }
  // As a full apply of the rest goes on, from what was saved.
  void FinishRest(int64_t serial) {
    ASSERT_TRUE(CompletePlan(Acquire(Assignment::PLAN, "r2"), PlanOf("rest", 1, 3, 2)).ok());
    RunTasks();
    const Assignment rest = Acquire(Assignment::APPLY, "r2");
    ASSERT_TRUE(SaveState(rest, StateOf(serial, 3)).ok());
    ASSERT_TRUE(Complete(rest).ok());
    RunTasks();
    ASSERT_EQ(GetStack().state(), v1::Stack::READY);
  }

  int64_t sequence_ = 0;
};

STACKS_TEST_ON_BOTH(SalvageTest);

TEST_P(SalvageTest, WhatALostRunnerHadBegunAndNotSavedIsTold) {
  const Assignment lost = StartApply();
  Report(lost, 0, ResourceEvent::STARTED);
  Report(lost, 1, ResourceEvent::STARTED);
  Report(lost, 0, ResourceEvent::DONE);
  ASSERT_TRUE(SaveState(lost, StateOf(1, 1)).ok());
  Report(lost, 2, ResourceEvent::STARTED);
  Report(lost, 1, ResourceEvent::RUNNING);
  Report(lost, 2, ResourceEvent::ERRORED);
  Report(lost, 7, ResourceEvent::STARTED, ResourceChange::READ);
  Report(lost, 8, ResourceEvent::STARTED, ResourceChange::DELETE);
  LoseRunner();

  const v1::Run run = GetRun(lost.lease().run());
  EXPECT_EQ(run.state(), v1::Run::FAILED);
  EXPECT_THAT(run.unsaved_resources(), ElementsAre("aws_instance.web[1]"));
  EXPECT_THAT(run.error().message(), HasSubstr("aws_instance.web[1]"));
  ASSERT_THAT(run.diagnostics(), SizeIs(1));
  EXPECT_EQ(run.diagnostics(0).address(), "aws_instance.web[1]");
  EXPECT_EQ(run.diagnostics(0).severity(), v1::Diagnostic::WARNING);
  const std::string next = GetStack().active_run();
  EXPECT_THAT(Notices(next), HasSubstr("aws_instance.web[1]"));
  // It is not forgotten on the way, nor at its end.
  EXPECT_THAT(GetStack().state_detail().message(), HasSubstr("aws_instance.web[1]"));
  FinishRest(2);
  EXPECT_THAT(GetStack().state_detail().message(), HasSubstr("aws_instance.web[1]"));

  // The next revision that is applied in full ends it.
  ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 4)).ok());
  Plan(PlanOf("d5", 0, 3));
  Apply(StateOf(3, 3, "4"));
  EXPECT_THAT(GetStack().state_detail().message(), Not(HasSubstr("aws_instance")));
  EXPECT_EQ(Count("SELECT COUNT(*) FROM unsaved_resources"), 0);
}

TEST_P(SalvageTest, WhatWasMadeAndNotSavedIsToldWhenTheChangeFails) {
  const Assignment lost = StartApply();
  ASSERT_TRUE(SaveState(lost, StateOf(1, 1)).ok());
  Report(lost, 2, ResourceEvent::STARTED);
  Report(lost, 2, ResourceEvent::DONE);
  LoseRunner();
  ASSERT_TRUE(Complete(Acquire(Assignment::PLAN), RunFailed("no credentials")).ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::FAILED);
  EXPECT_THAT(GetStack().state_detail().message(), HasSubstr("aws_instance.web[2]"));
  EXPECT_THAT(GetStack().state_detail().message(), HasSubstr("no credentials"));
}

TEST_P(SalvageTest, WhatAKilledTerraformHadBegunIsTold) {
  const Assignment killed = StartApply();
  Report(killed, 0, ResourceEvent::STARTED);
  Report(killed, 1, ResourceEvent::STARTED);
  Report(killed, 0, ResourceEvent::DONE);
  ASSERT_TRUE(SaveState(killed, StateOf(1, 1)).ok());
  ASSERT_TRUE(Complete(killed, RunFailed("apply was ended by signal 9")).ok());
  const v1::Run run = GetRun(killed.lease().run());
  EXPECT_THAT(run.unsaved_resources(), ElementsAre("aws_instance.web[1]"));
  EXPECT_THAT(run.error().message(), HasSubstr("signal 9"));
  EXPECT_EQ(GetStack().state(), v1::Stack::FAILED);
  EXPECT_THAT(GetStack().state_detail().message(), HasSubstr("aws_instance.web[1]"));
}

TEST_P(SalvageTest, WhatIsDoneAgainTellsTheNextRunner) {
  const Assignment lost = StartApply();
  Report(lost, 0, ResourceEvent::STARTED);
  LoseRunner();
  EXPECT_THAT(GetRun(lost.lease().run()).unsaved_resources(), ElementsAre("aws_instance.web[0]"));
  EXPECT_THAT(Notices(lost.lease().run()), HasSubstr("aws_instance.web[0]"));
  EXPECT_THAT(GetStack().state_detail().message(), HasSubstr("aws_instance.web[0]"));
  const Assignment next = Acquire(Assignment::APPLY, "r2");
  ASSERT_TRUE(SaveState(next, StateOf(1, 3)).ok());
  ASSERT_TRUE(Complete(next).ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::READY);
  EXPECT_THAT(GetStack().state_detail().message(), HasSubstr("aws_instance.web[0]"));
}

TEST_P(SalvageTest, ALostDestroyGoesOnFromTheNewestState) {
  MakeReady("shop", 3);
  ASSERT_TRUE(Delete("shop").ok());
  const Assignment lost = Acquire(Assignment::DESTROY);
  Report(lost, 2, ResourceEvent::STARTED, ResourceChange::DELETE);
  ASSERT_TRUE(SaveState(lost, StateOf(2, 2)).ok());
  LoseRunner();
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYING);
  const Assignment next = Acquire(Assignment::DESTROY, "r2");
  EXPECT_EQ(next.state(), StateOf(2, 2));
  EXPECT_THAT(GetRun(next.lease().run()).unsaved_resources(), IsEmpty());
  ASSERT_TRUE(SaveState(next, StateOf(3, 0)).ok());
  ASSERT_TRUE(Complete(next).ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYED);
}

TEST_P(SalvageTest, AStateThatIsFoundWhileTheLeaseHoldsEndsItAtOnce) {
  const Assignment lost = StartApply();
  ASSERT_TRUE(SaveState(lost, StateOf(1, 1)).ok());
  Report(lost, 1, ResourceEvent::STARTED);
  Report(lost, 1, ResourceEvent::DONE);
  Report(lost, 2, ResourceEvent::STARTED);
  const auto answer = HandIn(lost, StateOf(2, 2));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_TRUE(answer->accepted());
  EXPECT_EQ(answer->serial(), 2);
  EXPECT_THAT(EventsOf("state.salvaged"), SizeIs(1));
  EXPECT_EQ(GetStack().resource_count(), 2);
  EXPECT_THAT(GetRun(lost.lease().run()).unsaved_resources(), ElementsAre("aws_instance.web[2]"))
      << "what was found is not unsaved";
  EXPECT_EQ(ReasonOf(SaveState(lost, StateOf(3, 3))), v1::GENERATION_STALE);
  EXPECT_EQ(ReasonOf(Complete(lost)), v1::GENERATION_STALE);
  EXPECT_EQ(GetStack().state(), v1::Stack::PLANNING) << "without waiting for the lease to end";
  const Assignment plan = Acquire(Assignment::PLAN, "r2");
  EXPECT_EQ(plan.state(), StateOf(2, 2));

  // Again, since the answer was lost.
  EXPECT_TRUE(HandIn(lost, StateOf(2, 2))->accepted());
  EXPECT_THAT(EventsOf("state.salvaged"), SizeIs(1));
}

TEST_P(SalvageTest, WithoutAStateOnlyTheLeaseEnds) {
  const Assignment lost = StartApply();
  EXPECT_TRUE(HandIn(lost, "")->accepted());
  EXPECT_EQ(ReasonOf(Complete(lost)), v1::GENERATION_STALE);
  const Assignment next = Acquire(Assignment::APPLY, "r2");
  EXPECT_EQ(next.lease().generation(), lost.lease().generation() + 1);
  EXPECT_TRUE(HandIn(lost, "")->accepted());
  EXPECT_TRUE(SaveState(next, StateOf(1, 3)).ok()) << "the next one's lease is its own";

  // Also of what is no run of a stack.
  ASSERT_TRUE(TryPublish("other", "1.0", ShopYaml()).ok());
  const Assignment inspection = Acquire(Assignment::INSPECT, "r3");
  EXPECT_TRUE(HandIn(inspection, "")->accepted());
  EXPECT_EQ(Acquire(Assignment::INSPECT, "r4").lease().run(), inspection.lease().run());
}

TEST_P(SalvageTest, WhatAStackLeftWhoseNameIsAnothersIsKept) {
  const Assignment lost = StartApply();
  LoseRunner();
  v1::CancelRunRequest cancel;
  cancel.set_name(GetStack().active_run());
  ASSERT_TRUE(runs_->Cancel(Ann(), cancel).ok());
  ASSERT_EQ(GetStack().state(), v1::Stack::FAILED);
  ASSERT_TRUE(Delete("shop").ok());
  ASSERT_EQ(GetStack().state(), v1::Stack::DESTROYED);
  Create("shop");
  const std::string uid = GetStack().uid();
  const auto answer = HandIn(lost, StateOf(1, 2));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_FALSE(answer->accepted());
  EXPECT_EQ(GetStack().uid(), uid);
  EXPECT_EQ(GetStack().resource_count(), 0) << "it is none of the new one's";
  const std::string digest = Sha256Hex(StateOf(1, 2));
  ASSERT_THAT(EventsOf("state.foundTooLate"), SizeIs(1));
  EXPECT_THAT(EventsOf("state.foundTooLate")[0].message(), HasSubstr(digest));
  EXPECT_EQ(Download(digest), StateOf(1, 2));
  EXPECT_EQ(ReasonOf(Rollback(Dan(), digest).status()), v1::RESOURCE_NOT_FOUND);
}

TEST_P(SalvageTest, AStateThatIsFoundAfterTheTakeoverIsPlannedFrom) {
  const Assignment lost = StartApply();
  ASSERT_TRUE(SaveState(lost, StateOf(1, 1)).ok());
  Report(lost, 1, ResourceEvent::STARTED);
  LoseRunner();
  ASSERT_THAT(GetRun(lost.lease().run()).unsaved_resources(), SizeIs(1));
  // Another plans already.
  const Assignment early = Acquire(Assignment::PLAN, "r2");
  EXPECT_TRUE(HandIn(lost, StateOf(2, 2))->accepted());
  EXPECT_THAT(GetRun(lost.lease().run()).unsaved_resources(), IsEmpty());
  EXPECT_THAT(GetRun(lost.lease().run()).diagnostics(), IsEmpty());
  EXPECT_THAT(GetRun(lost.lease().run()).error().message(), Not(HasSubstr("aws_instance")));
  EXPECT_EQ(ReasonOf(CompletePlan(early, PlanOf("old", 2, 3, 1))), v1::GENERATION_STALE);
  const Assignment plan = Acquire(Assignment::PLAN, "r3");
  EXPECT_EQ(plan.state(), StateOf(2, 2));
}

TEST_P(SalvageTest, AStateThatIsFoundBeforeTheRestIsAppliedIsPlannedFrom) {
  const Assignment lost = StartApply();
  ASSERT_TRUE(SaveState(lost, StateOf(1, 1)).ok());
  LoseRunner();
  ASSERT_TRUE(CompletePlan(Acquire(Assignment::PLAN, "r2"), PlanOf("rest", 2, 3, 1)).ok());
  RunTasks();
  ASSERT_EQ(GetStack().state(), v1::Stack::APPLYING);
  EXPECT_TRUE(HandIn(lost, StateOf(2, 2))->accepted());
  EXPECT_EQ(GetStack().state(), v1::Stack::PLANNING);
  EXPECT_EQ(Held(), 6) << "what may be there is held";
  FinishRest(3);
  EXPECT_EQ(Held(), 6);
}

TEST_P(SalvageTest, AStateThatIsFoundWhileThePlanIsReservedIsPlannedFrom) {
  const Assignment lost = StartApply();
  ASSERT_TRUE(SaveState(lost, StateOf(1, 1)).ok());
  LoseRunner();
  ASSERT_TRUE(CompletePlan(Acquire(Assignment::PLAN, "r2"), PlanOf("rest", 2, 3, 1)).ok());
  EXPECT_TRUE(HandIn(lost, StateOf(2, 2))->accepted());
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::PLANNING);
  FinishRest(3);
}

TEST_P(SalvageTest, AFirstStateThatIsFoundBeforeTheWorkIsDoneAgainIsPlannedFrom) {
  const Assignment lost = StartApply();
  LoseRunner();
  ASSERT_EQ(GetStack().state(), v1::Stack::APPLYING) << "the same plan again";
  EXPECT_TRUE(HandIn(lost, StateOf(1, 2))->accepted());
  EXPECT_EQ(GetStack().state(), v1::Stack::PLANNING);
  RunTasks();
  EXPECT_EQ(GetStack().resource_count(), 2);
  EXPECT_EQ(Held(), 6);
  FinishRest(2);
}

TEST_P(SalvageTest, AStateOfAFailedStackIsTaken) {
  const Assignment lost = StartApply();
  ASSERT_TRUE(SaveState(lost, StateOf(1, 1)).ok());
  LoseRunner();
  ASSERT_TRUE(Complete(Acquire(Assignment::PLAN), RunFailed("no credentials")).ok());
  EXPECT_TRUE(HandIn(lost, StateOf(2, 2))->accepted());
  EXPECT_EQ(GetStack().state(), v1::Stack::FAILED);
  EXPECT_EQ(GetStack().resource_count(), 2);
  EXPECT_EQ(Held(), 4) << "what is there is known now";
}

TEST_P(SalvageTest, AStateThatComesTooLateIsKeptAndTold) {
  const Assignment lost = StartApply();
  ASSERT_TRUE(SaveState(lost, StateOf(1, 1)).ok());
  LoseRunner();
  ASSERT_TRUE(CompletePlan(Acquire(Assignment::PLAN, "r2"), PlanOf("rest", 2, 3, 1)).ok());
  RunTasks();
  const Assignment rest = Acquire(Assignment::APPLY, "r2");
  const auto answer = HandIn(lost, StateOf(2, 2));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_FALSE(answer->accepted()) << "the next run has begun";
  EXPECT_EQ(answer->serial(), 1);
  EXPECT_EQ(Download(), StateOf(1, 1));
  ASSERT_THAT(EventsOf("state.foundTooLate"), SizeIs(1));
  const v1::Event event = EventsOf("state.foundTooLate")[0];
  EXPECT_EQ(event.details().fields().at("serial").number_value(), 2);
  EXPECT_THAT(event.message(), HasSubstr(Sha256Hex(StateOf(2, 2))));
  EXPECT_EQ(Download(Sha256Hex(StateOf(2, 2))), StateOf(2, 2)) << "it is evidence";
  EXPECT_FALSE(HandIn(lost, StateOf(2, 2))->accepted());
  EXPECT_THAT(EventsOf("state.foundTooLate"), SizeIs(1));
  ASSERT_TRUE(SaveState(rest, StateOf(2, 3)).ok()) << "nothing is in its way";
  ASSERT_TRUE(Complete(rest).ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::READY);
}

TEST_P(SalvageTest, StatesThatDoNotGoOnAreNotTaken) {
  const Assignment lost = StartApply();
  ASSERT_TRUE(SaveState(lost, StateOf(3, 1)).ok());
  EXPECT_FALSE(HandIn(lost, StateOf(4, 2, "2", "other"))->accepted());
  EXPECT_FALSE(HandIn(lost, StateOf(2, 2))->accepted()) << "an older one";
  EXPECT_EQ(ReasonOf(HandIn(lost, "{}").status()), v1::INVALID_FIELD);
  EXPECT_EQ(Download(), StateOf(3, 1));
  Assignment unknown = lost;
  unknown.mutable_lease()->set_run(StackOf("shop") + "/runs/99");
  EXPECT_EQ(ReasonOf(HandIn(unknown, StateOf(4, 2)).status()), v1::RESOURCE_NOT_FOUND);
  unknown.mutable_lease()->set_run(StackOf("shop") + "/runs/1");
  EXPECT_EQ(ReasonOf(HandIn(unknown, StateOf(4, 2)).status()), v1::INVALID_FIELD) << "a plan";
}

TEST_P(SalvageTest, NobodysStateIsReplacedBehindTheirBack) {
  const Assignment lost = StartApply();
  ASSERT_TRUE(SaveState(lost, StateOf(1, 1)).ok());
  LoseRunner();
  ASSERT_TRUE(Complete(Acquire(Assignment::PLAN), RunFailed("no credentials")).ok());
  ASSERT_TRUE(Lock(Dan(), "l1").ok());
  EXPECT_FALSE(HandIn(lost, StateOf(5, 2))->accepted()) << "it is locked";
  ASSERT_TRUE(Unlock(Dan(), "l1").ok());
  ASSERT_TRUE(Write(Dan(), StateOf(2, 2)).ok());
  EXPECT_FALSE(HandIn(lost, StateOf(6, 3))->accepted()) << "somebody has written another";
  EXPECT_EQ(Download(), StateOf(2, 2));
}

TEST_P(SalvageTest, OldGenerationsAreRefusedByEveryReplica) {
  Signals signals;
  Store store(*db_, clock_, signals, store_->sealer());
  RunQueue other(store, *blobs_, RunQueueOptions());
  const Assignment lost = StartApply();
  clock_.Advance(absl::Seconds(16));
  // Two sweepers look at once.
  int taken = 0;
  {
    absl::Mutex mutex;
    std::vector<std::unique_ptr<Task>> threads;
    for (RunQueue* queue : {queue_.get(), &other}) {
      threads.push_back(std::make_unique<Task>("sweep", [&, queue] {
        const auto count = queue->TakeBack();
        absl::MutexLock lock(&mutex);
        EXPECT_TRUE(count.ok()) << count.status();
        taken += count.ok() ? *count : 0;
      }));
    }
  }
  EXPECT_EQ(taken, 1);
  const Assignment next = Acquire(Assignment::APPLY, "r2");
  for (RunQueue* queue : {queue_.get(), &other}) {
    internal::v1::SaveStateRequest save;
    *save.mutable_lease() = lost.lease();
    save.set_state(StateOf(1, 1));
    EXPECT_EQ(ReasonOf(queue->SaveState(save).status()), v1::GENERATION_STALE);
    internal::v1::ReportRunRequest report;
    *report.mutable_lease() = lost.lease();
    EXPECT_EQ(ReasonOf(queue->Report(report).status()), v1::GENERATION_STALE);
    internal::v1::CompleteRunRequest complete;
    *complete.mutable_lease() = lost.lease();
    EXPECT_EQ(ReasonOf(queue->Complete(complete).status()), v1::GENERATION_STALE);
    internal::v1::HeartbeatRequest beat;
    *beat.add_leases() = lost.lease();
    EXPECT_THAT(queue->Heartbeat(beat)->lost(), SizeIs(1));
  }
  EXPECT_EQ(Download(), "");
  ASSERT_TRUE(SaveState(next, StateOf(1, 3)).ok());
}

TEST_P(SalvageTest, ACrashBetweenBlobAndRowLeavesTheOldState) {
  const Assignment apply = StartApply();
  ASSERT_TRUE(SaveState(apply, StateOf(1, 1)).ok());
  // All that was done when the process died.
  ASSERT_TRUE(blobs_->Put(StateOf(2, 2)).ok());
  EXPECT_EQ(Download(), StateOf(1, 1));
  EXPECT_TRUE(SaveState(apply, StateOf(2, 2)).ok()) << "the runner tries again";
  EXPECT_EQ(Download(), StateOf(2, 2));
}

}  // namespace
}  // namespace stackyard::stacks
