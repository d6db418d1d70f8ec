// Locks, drafts, writes and rollbacks of states by persons.
#include <google/protobuf/util/time_util.h>

#include "services/stacks/states_env.h"

namespace stackyard::stacks {
namespace {

using internal::v1::Assignment;
using testing::EndsWith;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

class StateEditsTest : public StatesTest {};

STACKS_TEST_ON_BOTH(StateEditsTest);

TEST_P(StateEditsTest, AStateThatIsWrittenIsCurrentAtOnceAndAllFollowsFromIt) {
  MakeReady("shop", 1);
  ASSERT_EQ(Held(), 2);
  const auto version = Write(Dan(), StateOf(2, 3));
  ASSERT_TRUE(version.ok()) << version.status();
  EXPECT_EQ(version->serial(), 2);
  EXPECT_EQ(version->creator(), "users/dan");
  EXPECT_EQ(version->run(), "");
  EXPECT_FALSE(version->draft());
  EXPECT_EQ(version->resource_count(), 3);
  EXPECT_EQ(version->size_bytes(), static_cast<int64_t>(StateOf(2, 3).size()));
  EXPECT_EQ(Download(), StateOf(2, 3));
  EXPECT_EQ(GetStack().state(), v1::Stack::READY);
  EXPECT_EQ(GetStack().resource_count(), 3);
  EXPECT_EQ(Held(), 6);
  EXPECT_THAT(EventsOf("state.written"), SizeIs(1));

  // Again, since the answer was lost.
  const std::string etag = GetStack().etag();
  EXPECT_EQ(Write(Dan(), StateOf(2, 3))->serial(), 2);
  EXPECT_EQ(GetStack().etag(), etag);
  EXPECT_THAT(EventsOf("state.written"), SizeIs(1));
}

TEST_P(StateEditsTest, StatesThatDoNotGoOnAreRefused) {
  MakeReady();
  const std::string etag = GetStack().etag();
  EXPECT_EQ(ReasonOf(Write(Dan(), StateOf(1, 2)).status()), v1::STATE_CONFLICT);
  EXPECT_EQ(ReasonOf(Write(Dan(), StateOf(9, 2, "2", "other")).status()), v1::STATE_CONFLICT);
  EXPECT_EQ(ReasonOf(Write(Dan(), StateOf(0, 2)).status()), v1::INVALID_FIELD);
  EXPECT_EQ(ReasonOf(Write(Dan(), StateOf(2, 2, "2", "")).status()), v1::INVALID_FIELD);
  EXPECT_EQ(ReasonOf(Write(Dan(), "{}").status()), v1::INVALID_FIELD);
  EXPECT_EQ(GetStack().etag(), etag);
  ASSERT_TRUE(Lock(Dan(), "l").ok());
  EXPECT_EQ(ReasonOf(Write(Dan(), StateOf(1, 2), "l").status()), v1::STATE_CONFLICT);
  ASSERT_TRUE(Write(Dan(), StateOf(5, 2), "l").ok());
  EXPECT_EQ(ReasonOf(Write(Dan(), StateOf(4, 2), "l").status()), v1::STATE_CONFLICT)
      << "drafts go on from drafts";
}

TEST_P(StateEditsTest, WhatIsWrittenUnderALockIsADraftUntilItIsGivenBack) {
  MakeReady("shop", 1);
  const auto lock = Lock(Dan(), "l1");
  ASSERT_TRUE(lock.ok()) << lock.status();
  EXPECT_EQ(lock->who(), "users/dan");
  EXPECT_TRUE(lock->has_create_time());
  const std::string etag = GetStack().etag();
  EXPECT_TRUE(Write(Dan(), StateOf(2, 2), "l1")->draft());
  EXPECT_TRUE(Write(Dan(), StateOf(3, 4), "l1")->draft());
  EXPECT_EQ(Write(Dan(), StateOf(3, 4), "l1")->serial(), 3) << "again";
  // A crash leaves it so.
  EXPECT_EQ(GetStack().etag(), etag);
  EXPECT_EQ(Download(), StateOf(1, 1));
  EXPECT_EQ(Download("3"), StateOf(3, 4)) << "drafts can be read";
  EXPECT_EQ(Held(), 2);

  const auto unlocked = Unlock(Dan(), "l1");
  ASSERT_TRUE(unlocked.ok()) << unlocked.status();
  EXPECT_EQ(unlocked->lock_id(), "");
  EXPECT_EQ(Download(), StateOf(3, 4));
  EXPECT_EQ(GetStack().resource_count(), 4);
  EXPECT_EQ(Held(), 8);
  for (const v1::StateVersion& version : Versions()) EXPECT_FALSE(version.draft());
  EXPECT_THAT(Versions(), SizeIs(3));
  EXPECT_TRUE(Unlock(Dan(), "l1").ok()) << "again, since the answer was lost";
}

TEST_P(StateEditsTest, ALockOfManyWordsIsToldInShort) {
  MakeReady();
  v1::LockStateRequest request;
  request.set_parent(StackOf("shop"));
  request.mutable_lock()->set_lock_id("l1");
  // Letters of two bytes, of which one lies across the end.
  std::string info_text = "x";
  for (int i = 0; i < 1999; ++i) info_text += "é";
  request.mutable_lock()->set_info(info_text);
  request.mutable_lock()->set_who(std::string(4000, 'w'));
  ASSERT_TRUE(edits_->Lock(Dan(), request).ok());
  const absl::Status refused = Lock(Person("eve", {"devops"}), "l2").status();
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(ReadDetail(refused, info));
  EXPECT_LT(refused.message().size() + info.ByteSizeLong(), 4000u) << "errors are headers";
  EXPECT_THAT(info.metadata().at("info"), StartsWith("xé"));
  EXPECT_THAT(info.metadata().at("info"), EndsWith("é…"));
}

TEST_P(StateEditsTest, ALockIsOnePersons) {
  MakeReady();
  ASSERT_TRUE(Lock(Dan(), "l1").ok());
  EXPECT_TRUE(Lock(Dan(), "l1").ok()) << "again, since the answer was lost";
  EXPECT_THAT(EventsOf("state.locked"), SizeIs(1));
  const Principal eve = Person("eve", {"devops"});
  const absl::Status refused = Lock(eve, "l2").status();
  EXPECT_EQ(ReasonOf(refused), v1::STATE_LOCKED);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("users/dan"));
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(ReadDetail(refused, info));
  EXPECT_EQ(info.metadata().at("lock_id"), "l1");
  EXPECT_EQ(info.metadata().at("operation"), "OperationTypeApply");
  EXPECT_EQ(info.metadata().at("create_time"),
            google::protobuf::util::TimeUtil::ToString(GetLock().create_time()));
  EXPECT_EQ(ReasonOf(Lock(eve, "l1").status()), v1::STATE_LOCKED) << "an id is no proof";
  EXPECT_EQ(ReasonOf(Lock(Dan(), "l2").status()), v1::STATE_LOCKED) << "nor is a person";
  EXPECT_EQ(ReasonOf(Write(eve, StateOf(2, 1)).status()), v1::STATE_LOCKED);
  EXPECT_EQ(ReasonOf(Write(eve, StateOf(2, 1), "l2").status()), v1::STATE_LOCKED);
  EXPECT_EQ(ReasonOf(Rollback(eve, "1").status()), v1::STATE_LOCKED);
  EXPECT_EQ(ReasonOf(Unlock(eve, "l2").status()), v1::STATE_LOCKED);
  EXPECT_EQ(ReasonOf(Write(eve, StateOf(2, 1), "l1").status()), v1::STATE_LOCKED)
      << "whoever reads the state sees the id";
  EXPECT_EQ(ReasonOf(Unlock(eve, "l1").status()), v1::STATE_LOCKED);
  EXPECT_EQ(GetLock().lock_id(), "l1");
  ASSERT_TRUE(Unlock(Dan(), "l1").ok());
  EXPECT_EQ(GetLock().lock_id(), "");
  EXPECT_EQ(ReasonOf(Write(Dan(), StateOf(2, 1), "l1").status()), v1::STATE_LOCKED)
      << "it is not held any more";
  EXPECT_TRUE(Lock(eve, "l2").ok());
  EXPECT_EQ(ReasonOf(Lock(Dan(), "").status()), v1::INVALID_FIELD);
}

TEST_P(StateEditsTest, OnlyTheLockThatIsMeantIsBroken) {
  MakeReady();
  ASSERT_TRUE(Lock(Dan(), "l2").ok());
  const Principal eve = Person("eve", {"devops"});
  // As if it had been read before somebody else took the lock.
  EXPECT_EQ(ReasonOf(ForceUnlock(eve, "they left", "l1").status()), v1::STATE_LOCKED);
  EXPECT_EQ(GetLock().lock_id(), "l2");
  EXPECT_THAT(EventsOf("state.forceUnlocked"), SizeIs(0));
  ASSERT_TRUE(ForceUnlock(eve, "they left", "l2").ok());
  EXPECT_EQ(GetLock().lock_id(), "");
}

TEST_P(StateEditsTest, ABrokenLockLeavesItsDraftsAsStrays) {
  MakeReady();
  ASSERT_TRUE(Lock(Dan(), "l1").ok());
  ASSERT_TRUE(Write(Dan(), StateOf(2, 5), "l1").ok());
  ASSERT_TRUE(ForceUnlock(Person("eve", {"devops"})).ok());
  EXPECT_EQ(GetLock().lock_id(), "");
  EXPECT_EQ(Download(), StateOf(1, 1));
  EXPECT_THAT(Versions(), SizeIs(1));
  ASSERT_THAT(EventsOf("state.forceUnlocked"), SizeIs(1));
  EXPECT_THAT(EventsOf("state.forceUnlocked")[0].message(), HasSubstr("they left"));
  EXPECT_EQ(ReasonOf(Write(Dan(), StateOf(3, 5), "l1").status()), v1::STATE_LOCKED);
  EXPECT_TRUE(Unlock(Dan(), "l1").ok()) << "nobody holds it";
  EXPECT_EQ(Download(), StateOf(1, 1));

  // Somebody's Terraform may have made what is in it.
  const std::string digest = Sha256Hex(StateOf(2, 5));
  EXPECT_THAT(EventsOf("state.forceUnlocked")[0].message(), HasSubstr(digest));
  EXPECT_EQ(Download(digest), StateOf(2, 5));
  // Its serial may be taken meanwhile.
  ASSERT_TRUE(Write(Dan(), StateOf(2, 2)).ok());
  const auto back = Rollback(Dan(), digest);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->serial(), 3);
  EXPECT_EQ(Download(), StateOf(3, 5));
  EXPECT_TRUE(ForceUnlock(Dan()).ok()) << "nobody holds it";
}

TEST_P(StateEditsTest, RunsWaitWhileAPersonHoldsTheLock) {
  MakeReady();
  ASSERT_TRUE(Lock(Dan(), "l1").ok());
  const auto operation = stacks_->Update(Ann(), UpdateRequest("shop", 4));
  ASSERT_TRUE(operation.ok()) << operation.status();
  v1::OperationMetadata metadata;
  ASSERT_TRUE(GetOperation(operation->name()).metadata().UnpackTo(&metadata));
  EXPECT_THAT(metadata.message(), HasSubstr("users/dan"));
  EXPECT_FALSE(TryAcquire().has_value());
  // Others go on.
  Create("other");
  EXPECT_EQ(Acquire(Assignment::PLAN).stack(), StackOf("other"));

  ASSERT_TRUE(Write(Dan(), StateOf(2, 2), "l1").ok());
  ASSERT_TRUE(Unlock(Dan(), "l1").ok());
  const Assignment plan = Acquire(Assignment::PLAN);
  EXPECT_EQ(plan.stack(), StackOf("shop"));
  EXPECT_EQ(plan.state(), StateOf(2, 2)) << "from the new state";
}

TEST_P(StateEditsTest, ARunHoldsTheLockWhileItIsActive) {
  Create("shop");
  EXPECT_EQ(ReasonOf(Lock(Dan(), "l1").status()), v1::STATE_LOCKED) << "queued";
  const Assignment plan = Acquire(Assignment::PLAN);
  EXPECT_EQ(GetLock().lock_id(), plan.lease().run());
  EXPECT_EQ(GetLock().who(), "runners/r1");
  EXPECT_EQ(GetLock().operation(), "OperationTypePlan");
  EXPECT_EQ(GetLock().version(), "terraform 1.11.4");
  const absl::Status refused = Lock(Dan(), "l1").status();
  EXPECT_EQ(ReasonOf(refused), v1::STATE_LOCKED);
  EXPECT_THAT(std::string(refused.message()), HasSubstr(plan.lease().run()));
  EXPECT_EQ(ReasonOf(Write(Dan(), StateOf(1, 1)).status()), v1::STATE_LOCKED);
  EXPECT_EQ(ReasonOf(ForceUnlock(Dan()).status()), v1::WRONG_STATE);
  ASSERT_TRUE(CompletePlan(plan, PlanOf("d1", 1, 1)).ok());
  EXPECT_EQ(ReasonOf(Lock(Dan(), "l1").status()), v1::STATE_LOCKED) << "the plan is being reserved";
  EXPECT_NE(GetLock().lock_id(), "");
  RunTasks();
  EXPECT_EQ(GetLock().lock_id(), "") << "it waits for review";
  ApproveAll();
  const Assignment apply = Acquire(Assignment::APPLY);
  EXPECT_EQ(GetLock().operation(), "OperationTypeApply");
  EXPECT_EQ(ReasonOf(Lock(Dan(), "l1").status()), v1::STATE_LOCKED);
  ASSERT_TRUE(SaveState(apply, StateOf(1, 1)).ok());
  EXPECT_EQ(ReasonOf(Rollback(Dan(), "1").status()), v1::STATE_LOCKED);
  ASSERT_TRUE(Complete(apply).ok());
  EXPECT_TRUE(Lock(Dan(), "l1").ok());
}

TEST_P(StateEditsTest, ACheckForDriftGivesWayToALock) {
  MakeReady();
  v1::CheckDriftRequest check;
  check.set_name(StackOf("shop"));
  const auto operation = drift_->Check(Ann(), check);
  ASSERT_TRUE(operation.ok()) << operation.status();
  const Assignment refresh = Acquire(Assignment::REFRESH);
  ASSERT_TRUE(Lock(Dan(), "l1").ok());
  EXPECT_EQ(GetStack().active_run(), "");
  EXPECT_EQ(ReasonOf(ErrorOf(operation->name())), v1::RUN_CANCELLED);
  EXPECT_EQ(ReasonOf(Complete(refresh)), v1::GENERATION_STALE);
}

TEST_P(StateEditsTest, AStackThatIsGoneHasNoLock) {
  MakeReady();
  ASSERT_TRUE(Lock(Dan(), "l1").ok());
  ASSERT_TRUE(Write(Dan(), StateOf(2, 3), "l1").ok());
  ASSERT_TRUE(Delete("shop", /*abandon=*/true).ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYED);
  ASSERT_TRUE(Unlock(Dan(), "l1").ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYED);
  EXPECT_EQ(GetStack().resource_count(), 0);
  EXPECT_EQ(Download(Sha256Hex(StateOf(2, 3))), StateOf(2, 3));
  EXPECT_EQ(ReasonOf(Lock(Dan(), "l1").status()), v1::WRONG_STATE);
  EXPECT_EQ(ReasonOf(Write(Dan(), StateOf(2, 3)).status()), v1::WRONG_STATE);
  EXPECT_EQ(ReasonOf(Rollback(Dan(), "1").status()), v1::WRONG_STATE);
}

TEST_P(StateEditsTest, AnOldStateBecomesCurrentWithANewSerial) {
  MakeReady("shop", 1);
  ASSERT_TRUE(Write(Dan(), StateOf(2, 3)).ok());
  EXPECT_EQ(Held(), 6);
  const auto version = Rollback(Dan(), "1");
  ASSERT_TRUE(version.ok()) << version.status();
  EXPECT_EQ(version->serial(), 3);
  EXPECT_EQ(version->lineage(), "lineage-1");
  EXPECT_EQ(Download(), StateOf(3, 1)) << "all but the serial is as it was";
  EXPECT_EQ(GetStack().resource_count(), 1);
  EXPECT_EQ(Held(), 2);
  ASSERT_THAT(EventsOf("state.rolledBack"), SizeIs(1));
  EXPECT_THAT(EventsOf("state.rolledBack")[0].message(), HasSubstr("it was better"));
  // Again, since the answer was lost.
  EXPECT_EQ(Rollback(Dan(), "1")->serial(), 3);
  EXPECT_THAT(Versions(), SizeIs(3));
  EXPECT_EQ(ReasonOf(Rollback(Dan(), "7").status()), v1::RESOURCE_NOT_FOUND);
  EXPECT_EQ(ReasonOf(Rollback(Dan(), "x").status()), v1::INVALID_FIELD);
}

TEST_P(StateEditsTest, UnderTheCallersLockARollbackIsADraft) {
  MakeReady("shop", 1);
  ASSERT_TRUE(Write(Dan(), StateOf(2, 3)).ok());
  ASSERT_TRUE(Lock(Dan(), "l1").ok());
  EXPECT_TRUE(Rollback(Dan(), "1")->draft());
  EXPECT_EQ(Download(), StateOf(2, 3));
  ASSERT_TRUE(Unlock(Dan(), "l1").ok());
  EXPECT_EQ(Download(), StateOf(3, 1));
}

TEST_P(StateEditsTest, APlanUnderReviewIsStaleWhenTheStateWasReplaced) {
  MakeReady();
  ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 4)).ok());
  Plan(PlanOf("d2", 1, 2, 1));
  const ChangeRequest request = PendingRequest();
  ASSERT_TRUE(Lock(Dan(), "l1").ok()) << "who waits for review has no run";
  ASSERT_TRUE(Write(Dan(), StateOf(2, 1, "4"), "l1").ok());
  EXPECT_EQ(GetRequest(request.name()).state(), ChangeRequest::PENDING);
  ASSERT_TRUE(Unlock(Dan(), "l1").ok());
  EXPECT_EQ(GetRequest(request.name()).state(), ChangeRequest::STALE);
  EXPECT_EQ(GetStack().state(), v1::Stack::PLANNING);
  EXPECT_EQ(ReasonOf(Approve(Dan(), request).status()), v1::PLAN_STALE);
  Plan(PlanOf("d3", 1, 2, 1));
  EXPECT_EQ(PendingRequest().plan_digest(), "d3");
  EXPECT_EQ(GetRevision(2).plan().state_serial(), 2);
}

TEST_P(StateEditsTest, WhatIsApprovedUnderALockIsPlannedAnewWhenTheStateWasReplaced) {
  MakeReady();
  ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 4)).ok());
  Plan(PlanOf("d2", 1, 2, 1));
  ASSERT_TRUE(Lock(Dan(), "l1").ok());
  ApproveAll();
  const std::string run = GetStack().active_run();
  EXPECT_FALSE(TryAcquire().has_value());
  ASSERT_TRUE(Write(Dan(), StateOf(2, 1), "l1").ok());
  ASSERT_TRUE(Unlock(Dan(), "l1").ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::PLANNING);
  v1::GetRunRequest get;
  get.set_name(run);
  EXPECT_EQ(runs_->Get(get)->state(), v1::Run::CANCELLED);
  ASSERT_TRUE(CompletePlan(Acquire(Assignment::PLAN), PlanOf("d3", 1, 2, 1)).ok());
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::APPLYING) << "it does no more than was approved";
  EXPECT_EQ(Acquire(Assignment::APPLY).plan_digest(), "d3");
}

TEST_P(StateEditsTest, WithoutANewStateWhatWasApprovedUnderALockIsApplied) {
  Create("shop");
  Plan(PlanOf("d1", 1, 1));
  ASSERT_TRUE(Lock(Dan(), "l1").ok());
  ApproveAll();
  ASSERT_TRUE(Unlock(Dan(), "l1").ok());
  EXPECT_EQ(Acquire(Assignment::APPLY).plan_digest(), "d1");
}

TEST_P(StateEditsTest, TheEndOfALeaseWaitsForThePersonAndDestroysWhatTheyWrote) {
  MakeReady();
  ASSERT_TRUE(Lock(Dan(), "l1").ok());
  clock_.Advance(absl::Hours(73));
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYING);
  EXPECT_FALSE(TryAcquire().has_value());
  ASSERT_TRUE(Write(Dan(), StateOf(2, 3), "l1").ok());
  ASSERT_TRUE(Unlock(Dan(), "l1").ok());
  EXPECT_EQ(Acquire(Assignment::DESTROY).state(), StateOf(2, 3));
}

TEST_P(StateEditsTest, ResourcesThatAreBroughtToAFailedStackAreItsOwn) {
  Create("shop");
  ASSERT_TRUE(Complete(Acquire(Assignment::PLAN), RunFailed("no provider")).ok());
  RunTasks();
  ASSERT_EQ(GetStack().state(), v1::Stack::FAILED);
  ASSERT_EQ(Held(), 0);
  ASSERT_TRUE(Write(Dan(), StateOf(1, 2)).ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::FAILED);
  EXPECT_EQ(GetStack().resource_count(), 2);
  EXPECT_EQ(Held(), 4) << "what is there is counted";
  // A plan that is rejected does not forget them.
  v1::RetryStackRequest retry;
  retry.set_name(StackOf("shop"));
  ASSERT_TRUE(stacks_->Retry(Ann(), retry).ok());
  Plan(PlanOf("d1", 1, 3, 2));
  v1::RejectChangeRequestRequest reject;
  reject.set_name(PendingRequest().name());
  reject.set_reason("no");
  ASSERT_TRUE(reviews_->Reject(Dan(), reject).ok());
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::FAILED);
  EXPECT_EQ(Held(), 4);
  clock_.Advance(absl::Hours(73));
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYING) << "its lease ends";
}

TEST_P(StateEditsTest, ANewStackIsNotDestroyedUnderTheHandsOfAPerson) {
  Create("shop");
  ASSERT_TRUE(Complete(Acquire(Assignment::PLAN), RunFailed("no provider")).ok());
  ASSERT_TRUE(Lock(Dan(), "l1").ok());
  ASSERT_TRUE(Write(Dan(), StateOf(1, 5), "l1").ok());
  ASSERT_TRUE(Delete("shop").ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYING);
  EXPECT_FALSE(TryAcquire().has_value());
  ASSERT_TRUE(Unlock(Dan(), "l1").ok());
  EXPECT_EQ(Acquire(Assignment::DESTROY).state(), StateOf(1, 5)) << "what they made goes too";
}

TEST_P(StateEditsTest, ANewStackIsNotRejectedUnderTheHandsOfAPerson) {
  Create("shop");
  Plan(PlanOf("d1", 1, 1));
  ASSERT_TRUE(Lock(Dan(), "l1").ok());
  ASSERT_TRUE(Write(Dan(), StateOf(1, 5), "l1").ok());
  v1::RejectChangeRequestRequest reject;
  reject.set_name(PendingRequest().name());
  reject.set_reason("no");
  ASSERT_TRUE(reviews_->Reject(Dan(), reject).ok());
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::FAILED) << "its name stays its own";
  ASSERT_TRUE(Unlock(Dan(), "l1").ok());
  EXPECT_EQ(GetStack().resource_count(), 5);
  EXPECT_EQ(Held(), 10);
}

TEST_P(StateEditsTest, WhatIsBroughtWhileARunWaitsIsNotGivenUpWithTheNextPlan) {
  Create("shop");
  Plan(PlanOf("d1", 1, 1));
  ASSERT_TRUE(Lock(Dan(), "l1").ok());
  ApproveAll();
  ASSERT_EQ(GetStack().state(), v1::Stack::APPLYING);
  ASSERT_TRUE(Write(Dan(), StateOf(1, 5), "l1").ok());
  ASSERT_TRUE(Unlock(Dan(), "l1").ok());
  EXPECT_EQ(Held(), 10) << "what is there is counted";
  Plan(PlanOf("d2", 1, 6, 5));
  v1::RejectChangeRequestRequest reject;
  reject.set_name(PendingRequest().name());
  reject.set_reason("no");
  ASSERT_TRUE(reviews_->Reject(Dan(), reject).ok());
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::FAILED) << "not REJECTED, which forgets it";
  EXPECT_EQ(GetStack().resource_count(), 5);
  EXPECT_EQ(Held(), 10);
  clock_.Advance(absl::Hours(73));
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYING) << "its lease ends";
}

TEST_P(StateEditsTest, WhatAStackThatIsGoneHadOfDraftsIsNamed) {
  MakeReady();
  ASSERT_TRUE(Lock(Dan(), "l1").ok());
  ASSERT_TRUE(Write(Dan(), StateOf(2, 5), "l1").ok());
  ASSERT_TRUE(Delete("shop", /*abandon=*/true).ok());
  ASSERT_EQ(GetStack().state(), v1::Stack::DESTROYED);
  ASSERT_TRUE(Unlock(Dan(), "l1").ok());
  const std::string digest = Sha256Hex(StateOf(2, 5));
  ASSERT_THAT(EventsOf("state.unlocked"), SizeIs(1));
  EXPECT_THAT(EventsOf("state.unlocked")[0].message(), HasSubstr(digest));
  EXPECT_EQ(Download(digest), StateOf(2, 5));
}

TEST_P(StateEditsTest, ALineageBelongsToOneStack) {
  MakeReady("other");
  Create("shop");
  ASSERT_TRUE(Complete(Acquire(Assignment::PLAN), RunFailed("no provider")).ok());
  EXPECT_EQ(ReasonOf(Write(Dan(), StateOf(1, 2)).status()), v1::STATE_CONFLICT);
  EXPECT_TRUE(Write(Dan(), StateOf(1, 2, "2", "lineage-2")).ok());
}

TEST_P(StateEditsTest, OfTwoWhoLockAtOnceOneHoldsIt) {
  MakeReady();
  StateEdits other(*store_, *blobs_);
  std::vector<absl::Status> results(8);
  {
    std::vector<std::unique_ptr<Task>> threads;
    for (int i = 0; i < 8; ++i) {
      threads.push_back(std::make_unique<Task>("lock", [&, i] {
        v1::LockStateRequest request;
        request.set_parent(StackOf("shop"));
        request.mutable_lock()->set_lock_id(absl::StrCat("l", i));
        results[i] =
            (i % 2 == 0 ? *edits_ : other).Lock(Person(absl::StrCat("p", i), {}), request).status();
      }));
    }
  }
  int held = 0;
  for (const absl::Status& result : results) {
    held += result.ok();
    EXPECT_TRUE(result.ok() || ReasonOf(result) == v1::STATE_LOCKED) << result;
  }
  EXPECT_EQ(held, 1);
}

TEST_P(StateEditsTest, NamesOfLockAndParentAreChecked) {
  v1::GetStateLockRequest get;
  get.set_name("projects/web/stacks/none/stateLock");
  EXPECT_EQ(ReasonOf(edits_->GetLock(get).status()), v1::RESOURCE_NOT_FOUND);
  get.set_name("projects/web");
  EXPECT_EQ(ReasonOf(edits_->GetLock(get).status()), v1::INVALID_FIELD);
  EXPECT_EQ(ReasonOf(Lock(Dan(), "l").status()), v1::RESOURCE_NOT_FOUND);
  EXPECT_EQ(ReasonOf(Unlock(Dan(), "").status()), v1::INVALID_FIELD);
}

}  // namespace
}  // namespace stackyard::stacks
