#include "services/runner/salvager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/channel.h"
#include "services/runner/local_state.h"
#include "services/runner/run_note.h"
#include "services/runner/testing/fake_queue.h"
#include "services/runner/testing/files.h"

namespace stackyard::runner {
namespace {

namespace fs = std::filesystem;
using internal::v1::Assignment;
using testing::IsEmpty;
using testing::SizeIs;

std::string State(int serial, const std::string& lineage = "l") {
  return absl::StrCat("{\"version\":4,\"serial\":", serial, ",\"lineage\":\"", lineage, "\"}");
}

Assignment Work(Assignment::Work work, const std::string& state = "") {
  Assignment assignment;
  assignment.mutable_lease()->set_run("r/1");
  assignment.mutable_lease()->set_generation(3);
  assignment.set_work(work);
  assignment.set_state(state);
  return assignment;
}

class SalvagerTest : public testing::Test {
 protected:
  SalvagerTest()
      : queue_("unix:" + folder_.path() + "/queue.sock"), client_(Connect(queue_.target()), "me") {}

  // The folder of a run whose runner is dead.
  std::string LeaveRun(const Assignment& assignment, const std::string& runner = "dead") {
    const std::string folder = Dead(runner) + "/r-1";
    fs::create_directories(folder + "/module");
    EXPECT_TRUE(WriteNote(folder, assignment).ok());
    return folder + "/module/";
  }
  std::string Dead(const std::string& runner = "dead") const {
    return folder_.path() + "/work/runs/" + runner;
  }
  void Put(const std::string& path, const std::string& text) {
    ASSERT_TRUE(WriteFile(path, text).ok());
  }
  std::unique_ptr<Workspace> OpenAs(const std::string& id) {
    auto workspace = Workspace::Open(folder_.path() + "/work", id);
    EXPECT_TRUE(workspace.ok()) << workspace.status();
    return *std::move(workspace);
  }
  // Starts the next runner and waits until it has handed in what is there.
  std::vector<internal::v1::SalvageStateRequest> Salvage() {
    const auto workspace = OpenAs("next");
    {
      Salvager salvager(client_, *workspace);
      queue_.WaitSalvaged(1);
    }
    return queue_.Salvaged();
  }

  TempFolder folder_;
  FakeQueue queue_;
  QueueClient client_;
};

TEST_F(SalvagerTest, HandsInTheNewestStateOfADeadRun) {
  const std::string module = LeaveRun(Work(Assignment::APPLY, State(4)));
  Put(module + "terraform.tfstate", State(7));
  Put(module + "terraform.tfstate.backup", State(4));
  const auto salvaged = Salvage();
  ASSERT_THAT(salvaged, SizeIs(1));
  EXPECT_EQ(salvaged[0].lease().run(), "r/1");
  EXPECT_EQ(salvaged[0].lease().generation(), 3);
  EXPECT_EQ(salvaged[0].state(), State(7));
}

TEST_F(SalvagerTest, WhatWasAnsweredGoes) {
  Assignment other = Work(Assignment::APPLY);
  other.mutable_lease()->set_run("dead-too");
  LeaveRun(other, "dead-too");
  Assignment one = Work(Assignment::APPLY);
  one.mutable_lease()->set_run("dead");
  LeaveRun(one, "dead");
  const auto workspace = OpenAs("next");
  const Salvager salvager(client_, *workspace);
  queue_.WaitSalvaged(2);
  EXPECT_FALSE(fs::exists(Dead(queue_.Salvaged()[0].lease().run())));
}

TEST_F(SalvagerTest, AStateThatCouldNotBeWrittenCounts) {
  const std::string module = LeaveRun(Work(Assignment::DESTROY, State(4)));
  Put(module + "terraform.tfstate", "{\"version\":4,");
  Put(module + "terraform.tfstate.backup", State(5));
  Put(module + "errored.tfstate", State(6));
  EXPECT_EQ(Salvage()[0].state(), State(6));
}

TEST_F(SalvagerTest, WhatIsNotNewerOrNotOursIsNotHandedIn) {
  const std::string module = LeaveRun(Work(Assignment::APPLY, State(4)));
  Put(module + "terraform.tfstate", State(4));
  Put(module + "errored.tfstate", State(9, "other"));
  EXPECT_EQ(Salvage()[0].state(), "") << "the lease ends all the same";
}

TEST_F(SalvagerTest, TheFirstStateOfAStackHasAnyLineage) {
  Put(LeaveRun(Work(Assignment::APPLY)) + "terraform.tfstate", State(1, "new"));
  EXPECT_EQ(Salvage()[0].state(), State(1, "new"));
}

TEST_F(SalvagerTest, ARunThatChangesNothingLeavesNothing) {
  Put(LeaveRun(Work(Assignment::PLAN)) + "terraform.tfstate", State(9));
  EXPECT_EQ(Salvage()[0].state(), "");
}

TEST_F(SalvagerTest, WithoutAnAnswerTheFolderStaysForTheNextRunner) {
  queue_.StopServing();
  Put(LeaveRun(Work(Assignment::APPLY)) + "terraform.tfstate", State(1));
  {
    const auto workspace = OpenAs("next");
    const Salvager salvager(client_, *workspace);
    // Nobody else claims it meanwhile.
    EXPECT_THAT(OpenAs("other")->TakeDead(), IsEmpty());
  }
  EXPECT_TRUE(fs::exists(Dead() + "/r-1/module/terraform.tfstate"));
  queue_.Serve();
  EXPECT_EQ(Salvage()[0].state(), State(1));
}

TEST_F(SalvagerTest, ARunThatLostItsLeaseIsHandedInByItsOwnRunner) {
  const auto workspace = OpenAs("me");
  Salvager salvager(client_, *workspace);
  const Assignment assignment = Work(Assignment::APPLY);
  auto folder = workspace->MakeRunFolder(assignment.lease());
  ASSERT_TRUE(folder.ok()) << folder.status();
  const std::string path = (*folder)->path();
  ASSERT_TRUE(WriteNote(path, assignment).ok());
  Put((*folder)->module() + "/terraform.tfstate", State(2));
  salvager.Add(*std::move(folder));
  queue_.WaitSalvaged(1);
  EXPECT_EQ(queue_.Salvaged()[0].state(), State(2));
}

TEST_F(SalvagerTest, ARunnerThatEndsLeavesWhatNobodyTook) {
  queue_.StopServing();
  std::string path;
  {
    const auto workspace = OpenAs("me");
    Salvager salvager(client_, *workspace);
    const Assignment assignment = Work(Assignment::APPLY);
    auto folder = workspace->MakeRunFolder(assignment.lease());
    path = (*folder)->path();
    ASSERT_TRUE(WriteNote(path, assignment).ok());
    Put((*folder)->module() + "/terraform.tfstate", State(2));
    salvager.Add(*std::move(folder));
  }
  EXPECT_TRUE(fs::exists(path));
  queue_.Serve();
  EXPECT_EQ(Salvage()[0].state(), State(2));
}

TEST(RunNoteTest, ADamagedNoteIsToldAndKept) {
  TempFolder folder;
  EXPECT_TRUE(absl::IsNotFound(ReadNote(folder.path()).status()));
  ASSERT_TRUE(WriteFile(folder.path() + ".lease.json", "{\"run\":7}").ok());
  EXPECT_TRUE(absl::IsDataLoss(ReadNote(folder.path()).status()));
  RemoveNote(folder.path());
  EXPECT_FALSE(HasNote(folder.path()));
}

TEST(LocalStateTest, OnlyWholeStatesCount) {
  EXPECT_FALSE(ParseLocalState("").has_value());
  EXPECT_FALSE(ParseLocalState("[]").has_value());
  EXPECT_FALSE(ParseLocalState("{\"serial\":0}").has_value());
  EXPECT_FALSE(ParseLocalState("{\"serial\":\"1\"}").has_value());
  EXPECT_EQ(ParseLocalState(State(3))->serial, 3);
  EXPECT_EQ(ParseLocalState(State(3))->lineage, "l");
}

}  // namespace
}  // namespace stackyard::runner
