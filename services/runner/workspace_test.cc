#include "services/runner/workspace.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "services/runner/testing/files.h"

namespace stackyard::runner {
namespace {

namespace fs = std::filesystem;

internal::v1::Lease Lease(const std::string& run, int64_t generation = 1) {
  internal::v1::Lease lease;
  lease.set_run(run);
  lease.set_generation(generation);
  return lease;
}

class WorkspaceTest : public testing::Test {
 protected:
  std::unique_ptr<Workspace> OpenAs(const std::string& id) {
    auto workspace = Workspace::Open(folder_.path() + "/work", id);
    EXPECT_TRUE(workspace.ok()) << workspace.status();
    return *std::move(workspace);
  }

  TempFolder folder_;
};

TEST_F(WorkspaceTest, RunFoldersAreApartAndPrivateAndGoAway) {
  const auto workspace = OpenAs("a");
  std::string path;
  {
    const auto one = workspace->MakeRunFolder(Lease("projects/p/stacks/s/runs/1"));
    const auto two = workspace->MakeRunFolder(Lease("projects/p/stacks/s/runs/1", 2));
    ASSERT_TRUE(one.ok() && two.ok());
    path = (*one)->path();
    EXPECT_NE(path, (*two)->path());
    EXPECT_TRUE(fs::is_directory((*one)->module()));
    EXPECT_TRUE(fs::is_directory((*one)->tmp()));
    struct stat info;
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0700U);
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(WorkspaceTest, TemporaryFilesHaveShortNames) {
  const std::string deep = folder_.path() + "/" + std::string(150, 'x');
  for (const std::string& root : {folder_.path() + "/work", deep}) {
    std::string tmp;
    {
      auto workspace = Workspace::Open(root, std::string(80, 'r'));
      ASSERT_TRUE(workspace.ok()) << workspace.status();
      const auto run = (*workspace)->MakeRunFolder(Lease(std::string(150, 'n')));
      ASSERT_TRUE(run.ok()) << run.status();
      tmp = (*run)->tmp();
      EXPECT_LE(tmp.size(), kMaxTmpPath);
      EXPECT_TRUE(fs::is_directory(tmp));
      EXPECT_TRUE(fs::is_empty(tmp));
    }
    EXPECT_FALSE(fs::exists(fs::path(tmp).parent_path()));
  }
}

TEST_F(WorkspaceTest, NamesOfRunsCannotLeadOutside) {
  const auto workspace = OpenAs("a");
  for (const char* name : {"../../x", "..", "/etc", "a b\n"}) {
    const auto folder = workspace->MakeRunFolder(Lease(name));
    ASSERT_TRUE(folder.ok());
    EXPECT_EQ(fs::path((*folder)->path()).parent_path(), fs::path(workspace->own()));
  }
}

TEST_F(WorkspaceTest, TheSameLeaseAgainBeginsEmpty) {
  const auto workspace = OpenAs("a");
  const auto first = workspace->MakeRunFolder(Lease("r"));
  ASSERT_TRUE(WriteFile((*first)->module() + "/left", "x").ok());
  const auto second = workspace->MakeRunFolder(Lease("r"));
  EXPECT_TRUE(fs::is_empty((*second)->module()));
}

TEST_F(WorkspaceTest, RemovesWhatDeadRunnersLeftAndSparesTheLiving) {
  const auto living = OpenAs("living");
  const auto busy = living->MakeRunFolder(Lease("r"));
  const std::string dead = folder_.path() + "/work/runs/dead";
  fs::create_directories(dead + "/r-1/module");
  const std::string dead_tmp = folder_.path() + "/dead-tmp";
  fs::create_directories(dead_tmp + "/1");
  ASSERT_TRUE(WriteFile(folder_.path() + "/work/locks/dead", dead_tmp).ok());
  const std::string without_lock = folder_.path() + "/work/runs/unknown";
  fs::create_directories(without_lock);

  const auto next = OpenAs("next");
  EXPECT_FALSE(fs::exists(dead));
  EXPECT_FALSE(fs::exists(dead_tmp));
  EXPECT_FALSE(fs::exists(folder_.path() + "/work/locks/dead"));
  EXPECT_FALSE(fs::exists(without_lock));
  EXPECT_TRUE(fs::exists((*busy)->module()));
}

TEST_F(WorkspaceTest, ARunnerTakesItsOwnAway) {
  std::string own;
  {
    const auto workspace = OpenAs("a");
    own = workspace->own();
    EXPECT_TRUE(fs::exists(own));
  }
  EXPECT_FALSE(fs::exists(own));
  EXPECT_TRUE(fs::exists(folder_.path() + "/work/prepared"));
}

TEST_F(WorkspaceTest, RefusesWhatIsNoFolderAndIdsInUse) {
  ASSERT_TRUE(WriteFile(folder_.path() + "/file", "").ok());
  EXPECT_FALSE(Workspace::Open(folder_.path() + "/file", "a").ok());
  EXPECT_FALSE(Workspace::Open(folder_.path() + "/file/below", "a").ok());
  const auto first = OpenAs("a");
  EXPECT_FALSE(Workspace::Open(folder_.path() + "/work", "a").ok());
}

}  // namespace
}  // namespace stackyard::runner
