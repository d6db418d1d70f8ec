#include "services/runner/plan_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/id.h"
#include "services/runner/file.h"
#include "services/runner/testing/files.h"

namespace stackyard::runner {
namespace {

class PlanStoreTest : public testing::Test {
 protected:
  // Puts a plan as if `age` ago.
  std::string Put(PlanStore& store, const std::string& plan, absl::Duration age = {}) {
    const std::string digest = Sha256Hex(plan);
    EXPECT_TRUE(store.Put(digest, plan).ok());
    const timespec when = absl::ToTimespec(absl::Now() - age);
    const timespec times[] = {when, when};
    utimensat(AT_FDCWD, absl::StrCat(folder_.path(), "/", digest).c_str(), times, 0);
    return digest;
  }

  TempFolder folder_;
};

TEST_F(PlanStoreTest, KeepsAndRemoves) {
  PlanStore store(folder_.path());
  const std::string digest = Put(store, "plan");
  EXPECT_EQ(store.Get(digest), "plan");
  struct stat info;
  ASSERT_EQ(stat(absl::StrCat(folder_.path(), "/", digest).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  store.Remove(digest);
  EXPECT_EQ(store.Get(digest), "");
  EXPECT_EQ(store.Get("unknown"), "");
}

TEST_F(PlanStoreTest, DamagedPlansAreNotThere) {
  PlanStore store(folder_.path());
  const std::string digest = Put(store, "plan");
  ASSERT_TRUE(WriteFile(absl::StrCat(folder_.path(), "/", digest), "other").ok());
  EXPECT_EQ(store.Get(digest), "");
}

TEST_F(PlanStoreTest, TheOldestGoFirst) {
  PlanStore by_count(folder_.path(), /*max_plans=*/2);
  const std::string oldest = Put(by_count, "1", absl::Hours(3));
  const std::string middle = Put(by_count, "2", absl::Hours(2));
  const std::string newest = Put(by_count, "3");
  EXPECT_EQ(by_count.Get(oldest), "");
  EXPECT_EQ(by_count.Get(middle), "2");
  EXPECT_EQ(by_count.Get(newest), "3");

  PlanStore by_size(folder_.path(), 100, /*max_bytes=*/100);
  const std::string big = Put(by_size, std::string(100, 'x'));
  EXPECT_EQ(by_size.Get(middle), "");
  EXPECT_EQ(by_size.Get(big).size(), 100U);
}

}  // namespace
}  // namespace stackyard::runner
