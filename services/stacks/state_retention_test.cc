// Old versions go, what is named stays, and blobs go when nothing names them any more.
#include "services/stacks/state_retention.h"

#include <chrono>
#include <filesystem>

#include "services/stacks/states_env.h"

namespace stackyard::stacks {
namespace {

namespace fs = std::filesystem;
using internal::v1::Assignment;
using testing::ElementsAre;
using testing::SizeIs;

class StateRetentionTest : public StatesTest {
 protected:
  StateRetention Keeping(int states) {
    RetentionOptions options;
    options.states = states;
    // Files have the time of the system, which the clock of the tests is far ahead of.
    options.blob_grace = clock_.TimeNow() - absl::Now() + absl::Hours(24);
    return StateRetention(*store_, *blobs_, options);
  }
  // Makes every blob that there is older than the grace.
  void AgeBlobs() {
    for (const auto& entry : fs::recursive_directory_iterator(folder() + "/blobs")) {
      if (!entry.is_regular_file()) continue;
      fs::last_write_time(entry.path(),
                          fs::file_time_type::clock::now() - std::chrono::hours(24 * 365 * 20));
    }
  }
  std::vector<int64_t> Serials() {
    std::vector<int64_t> serials;
    for (const v1::StateVersion& version : Versions()) serials.push_back(version.serial());
    return serials;
  }
  void WriteUpTo(int64_t last) {
    for (int64_t serial = 2; serial <= last; ++serial) {
      ASSERT_TRUE(Write(Dan(), StateOf(serial, 1, absl::StrCat(serial))).ok());
    }
  }
};

STACKS_TEST_ON_BOTH(StateRetentionTest);

TEST_P(StateRetentionTest, TheNewestStayAndWhatPlansWereMadeFromOrWasRolledBackTo) {
  MakeReady();
  WriteUpTo(4);
  // A plan from 4, and a rollback to 2.
  ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 4)).ok());
  Plan(PlanOf("d2", 0, 1));
  if (GetStack().state() == v1::Stack::AWAITING_APPROVAL) ApproveAll();
  const Assignment apply = Acquire(Assignment::APPLY);
  ASSERT_TRUE(SaveState(apply, StateOf(5, 1, "5")).ok());
  ASSERT_TRUE(Complete(apply).ok());
  ASSERT_TRUE(Rollback(Dan(), "2").ok());
  for (int64_t serial = 7; serial <= 10; ++serial) {
    ASSERT_TRUE(Write(Dan(), StateOf(serial, 1, absl::StrCat(serial))).ok());
  }
  StateRetention retention = Keeping(3);
  EXPECT_EQ(*retention.Prune(), 5);
  EXPECT_THAT(Serials(), ElementsAre(10, 9, 8, 4, 2));
  EXPECT_EQ(*retention.Prune(), 0);
  EXPECT_EQ(Download(), StateOf(10, 1, "10"));
}

TEST_P(StateRetentionTest, DraftsStayAndStraysAreBounded) {
  MakeReady();
  ASSERT_TRUE(Lock(Dan(), "l").ok());
  for (int64_t serial = 2; serial <= 5; ++serial) {
    clock_.Advance(absl::Seconds(1));
    ASSERT_TRUE(Write(Dan(), StateOf(serial, 2), "l").ok());
  }
  StateRetention retention = Keeping(2);
  EXPECT_EQ(*retention.Prune(), 0) << "however many drafts there are, the current one stays";
  EXPECT_EQ(Download(), StateOf(1, 1));
  ASSERT_TRUE(ForceUnlock(Dan()).ok());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM stray_states"), 4);
  StateRetention less = Keeping(2);
  EXPECT_EQ(*less.Prune(), 2);
  EXPECT_THAT(Serials(), ElementsAre(1));
  EXPECT_EQ(Download(Sha256Hex(StateOf(5, 2))), StateOf(5, 2)) << "the newest is the one to keep";
  EXPECT_EQ(Download(Sha256Hex(StateOf(2, 2))), "");
}

TEST_P(StateRetentionTest, BlobsThatNothingNamesGo) {
  MakeReady();
  WriteUpTo(4);
  ASSERT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 4)).ok());
  const std::string plan = *blobs_->Put("a plan file");
  Plan(PlanOf(plan, 0, 1));
  const std::string orphan = *blobs_->Put("of a transaction that was lost");
  StateRetention retention = Keeping(2);
  EXPECT_EQ(*retention.Sweep(), 0) << "somebody may be about to name it";
  AgeBlobs();
  const std::string young = *blobs_->Put("about to be named");
  EXPECT_EQ(*retention.Sweep(), 1);
  EXPECT_EQ(ReasonOf(blobs_->Get(orphan).status()), v1::RESOURCE_NOT_FOUND);
  EXPECT_TRUE(blobs_->Get(young).ok());
  EXPECT_TRUE(blobs_->Get(plan).ok());
  EXPECT_TRUE(blobs_->Get(Version().bundle_digest()).ok());
  for (const v1::StateVersion& version : Versions()) {
    EXPECT_TRUE(blobs_->Get(version.digest()).ok()) << version.serial();
  }
  // With its version a state's blob goes.
  ASSERT_EQ(*retention.Prune(), 2);
  EXPECT_EQ(*retention.Sweep(), 2);
  EXPECT_EQ(Download(), StateOf(4, 1, "4"));
}

TEST_P(StateRetentionTest, VersionsOfAnOlderProgramAreNamedToo) {
  MakeReady();
  const absl::Status old = store_->Write(Actor(), [](Change& change) {
    change.sql << "UPDATE state_versions SET digest = ''";
    return absl::OkStatus();
  });
  ASSERT_TRUE(old.ok());
  AgeBlobs();
  StateRetention retention = Keeping(2);
  EXPECT_EQ(*retention.Sweep(), 0);
  EXPECT_EQ(Download(), StateOf(1, 1));
}

TEST_P(StateRetentionTest, AStateThatIsPutWhileTheBroomLooksIsSpared) {
  MakeReady();
  // The same bytes as of a version that is long gone.
  ASSERT_TRUE(blobs_->Put(StateOf(2, 2)).ok());
  AgeBlobs();
  ASSERT_TRUE(Write(Dan(), StateOf(2, 2)).ok());
  EXPECT_EQ(*Keeping(1).Sweep(), 0);
  EXPECT_EQ(Download(), StateOf(2, 2));
}

}  // namespace
}  // namespace stackyard::stacks
