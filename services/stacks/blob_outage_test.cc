// An object store that is away while runs begin and end.
#include "services/stacks/faulty_blob_store.h"
#include "services/stacks/state_edits.h"
#include "services/stacks/test_env.h"

namespace stackyard::stacks {
namespace {

using internal::v1::Assignment;

class BlobOutageTest : public StacksTest {
 protected:
  void SetUp() override {
    StacksTest::SetUp();
    if (store_ == nullptr) return;
    faulty_ = std::make_unique<FaultyBlobStore>(*blobs_);
    queue_ = std::make_unique<RunQueue>(*store_, *faulty_, RunQueueOptions());
  }
  void SetAway(bool away) {
    faulty_->failure = away ? Error(v1::DEPENDENCY_UNAVAILABLE, "the object store is not there")
                            : absl::OkStatus();
  }
  absl::Status AcquireFails() {
    internal::v1::AcquireRunsRequest request;
    request.set_runner("r1");
    request.set_free_slots(4);
    return queue_->Acquire(request, [] { return false; }).status();
  }

  std::unique_ptr<FaultyBlobStore> faulty_;
};
STACKS_TEST_ON_BOTH(BlobOutageTest);

TEST_P(BlobOutageTest, NoRunIsTakenThatCannotBegin) {
  MakeReady();
  ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 4)).ok());
  SetAway(true);
  EXPECT_EQ(ReasonOf(AcquireFails()), v1::DEPENDENCY_UNAVAILABLE);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM queue WHERE leased = 1"), 0);
  EXPECT_THAT(EventsOf("stack.planStarted"), testing::SizeIs(1)) << "of the first plan";
  SetAway(false);
  const Assignment plan = Acquire(Assignment::PLAN);
  EXPECT_EQ(plan.lease().generation(), 1);
  EXPECT_EQ(plan.state(), StateOf(1, 1));
}

TEST_P(BlobOutageTest, ARunnerKeepsItsStateUntilItIsTaken) {
  MakeReady();
  ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 4)).ok());
  Plan(PlanOf("second", 1, 2, 1));
  ApproveAll();
  const Assignment apply = Acquire(Assignment::APPLY);
  SetAway(true);
  EXPECT_EQ(ReasonOf(SaveState(apply, StateOf(2, 2))), v1::DEPENDENCY_UNAVAILABLE);
  EXPECT_EQ(ReasonOf(Complete(apply)), v1::DEPENDENCY_UNAVAILABLE);
  EXPECT_EQ(GetStack().state(), v1::Stack::APPLYING);
  SetAway(false);
  ASSERT_TRUE(SaveState(apply, StateOf(2, 2)).ok());
  ASSERT_TRUE(Complete(apply).ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::READY);
  EXPECT_EQ(GetStack().resource_count(), 2);
}

// A store that is slow must not hold up everybody who writes.
TEST_P(BlobOutageTest, NothingIsReadOrWrittenWithinATransaction) {
  if (!db_->is_sqlite()) GTEST_SKIP() << "there writers do not wait for each other";
  soci::session other("sqlite3", "db=" + folder() + "/stacks.db timeout=0");
  int looked = 0;
  const auto look = [&] {
    ++looked;
    // Fails while a transaction writes.
    EXPECT_NO_THROW(other << "BEGIN IMMEDIATE");
    EXPECT_NO_THROW(other << "ROLLBACK");
  };
  MakeReady();
  faulty_->before_get = faulty_->after_put = look;
  ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 4)).ok());
  Plan(PlanOf("second", 1, 2, 1));
  ApproveAll();
  const Assignment apply = Acquire(Assignment::APPLY);
  ASSERT_TRUE(SaveState(apply, StateOf(2, 2)).ok());
  ASSERT_TRUE(Complete(apply).ok());
  ASSERT_EQ(GetStack().state(), v1::Stack::READY);
  EXPECT_GT(looked, 2);

  // A runner that dies half way.
  ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 5)).ok());
  Plan(PlanOf("third", 1, 3, 1));
  ApproveAll();
  ASSERT_TRUE(SaveState(Acquire(Assignment::APPLY), StateOf(3, 3)).ok());
  clock_.Advance(absl::Minutes(1));
  looked = 0;
  EXPECT_EQ(*queue_->TakeBack(), 1);
  EXPECT_GT(looked, 0);
}

TEST_P(BlobOutageTest, StatesOfPersonsToo) {
  if (!db_->is_sqlite()) GTEST_SKIP() << "there writers do not wait for each other";
  soci::session other("sqlite3", "db=" + folder() + "/stacks.db timeout=0");
  int looked = 0;
  MakeReady();
  StateEdits edits(*store_, *faulty_);
  faulty_->before_get = faulty_->after_put = [&] {
    ++looked;
    EXPECT_NO_THROW(other << "BEGIN IMMEDIATE");
    EXPECT_NO_THROW(other << "ROLLBACK");
  };
  v1::LockStateRequest lock;
  lock.set_parent(StackOf("shop"));
  lock.mutable_lock()->set_lock_id("l1");
  ASSERT_TRUE(edits.Lock(Dan(), lock).ok());
  v1::WriteStateRequest write;
  write.set_parent(StackOf("shop"));
  write.set_state(StateOf(2, 2));
  write.set_lock_id("l1");
  ASSERT_TRUE(edits.Write(Dan(), write).ok());
  v1::UnlockStateRequest unlock;
  unlock.set_parent(StackOf("shop"));
  unlock.set_lock_id("l1");
  ASSERT_TRUE(edits.Unlock(Dan(), unlock).ok());
  v1::RollbackStateRequest rollback;
  rollback.set_name(StackOf("shop") + "/stateVersions/1");
  const auto back = edits.Rollback(Dan(), rollback);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->serial(), 3);
  EXPECT_EQ(looked, 4) << "a write, a promotion, and a rollback's read and write";
}

}  // namespace
}  // namespace stackyard::stacks
