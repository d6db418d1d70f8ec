#include "common/cached_blob_store.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "common/id.h"
#include "common/status.h"

namespace stackyard {
namespace {

namespace fs = std::filesystem;

class CachedBlobStoreTest : public testing::Test {
 protected:
  CachedBlobStoreTest() {
    below_ = *OpenDirectoryBlobStore(root_.string());
    store_ = MakeCachedBlobStore(*OpenDirectoryBlobStore(root_.string()), 25);
  }
  ~CachedBlobStoreTest() override { fs::remove_all(root_); }

  // A blob that is read, and then deleted behind the cache's back.
  std::string ReadAndLose(const std::string& data) {
    const std::string digest = *store_->Put(data);
    EXPECT_EQ(*store_->Get(digest), data);
    EXPECT_TRUE(below_->Delete(digest).ok());
    return digest;
  }
  bool IsKept(const std::string& digest) { return store_->Get(digest).ok(); }

  const fs::path root_ = fs::temp_directory_path() / ("stackyard-cached-" + RandomId());
  std::unique_ptr<BlobStore> below_, store_;
};

TEST_F(CachedBlobStoreTest, KeepsWhatWasReadLast) {
  const std::string one = ReadAndLose("1234567890"), two = ReadAndLose("abcdefghij");
  EXPECT_TRUE(IsKept(two));
  EXPECT_TRUE(IsKept(one)) << "and is the last one now";
  const std::string three = ReadAndLose("ABCDEFGHIJ");
  EXPECT_TRUE(IsKept(three));
  EXPECT_TRUE(IsKept(one));
  EXPECT_FALSE(IsKept(two));
}

TEST_F(CachedBlobStoreTest, WhatWasJustWrittenIsReadFromMemory) {
  const std::string digest = *store_->Put("fresh");
  EXPECT_TRUE(below_->Delete(digest).ok());
  EXPECT_TRUE(IsKept(digest));
}

TEST_F(CachedBlobStoreTest, WhatIsTooLargeIsNotKept) {
  const std::string small = ReadAndLose("small");
  EXPECT_FALSE(IsKept(ReadAndLose(std::string(26, 'x'))));
  EXPECT_TRUE(IsKept(small));
}

TEST_F(CachedBlobStoreTest, WhatIsDeletedIsForgotten) {
  const std::string one = ReadAndLose("one");
  EXPECT_TRUE(store_->Delete(one).ok());
  EXPECT_EQ(ReasonOf(store_->Get(one).status()), v1::RESOURCE_NOT_FOUND);
  const std::string two = *store_->Put("two");
  EXPECT_EQ(*store_->Get(two), "two");
  EXPECT_TRUE(*store_->DeleteOlder(two, absl::InfiniteFuture()));
  EXPECT_EQ(ReasonOf(store_->Get(two).status()), v1::RESOURCE_NOT_FOUND);
}

}  // namespace
}  // namespace stackyard
