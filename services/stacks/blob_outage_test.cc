// An object store that is away while runs begin and end.
#include "services/stacks/faulty_blob_store.h"
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

}  // namespace
}  // namespace stackyard::stacks
