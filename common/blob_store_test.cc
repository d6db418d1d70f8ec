#include "common/blob_store.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "absl/time/clock.h"
#include "common/id.h"
#include "common/status.h"

namespace stackyard {
namespace {

namespace fs = std::filesystem;

class BlobStoreTest : public testing::Test {
 protected:
  BlobStoreTest() { store_ = *OpenDirectoryBlobStore(root_.string()); }
  ~BlobStoreTest() override { fs::remove_all(root_); }

  const fs::path root_ = fs::temp_directory_path() / ("stackyard-blobs-" + RandomId());
  std::unique_ptr<BlobStore> store_;
};

TEST_F(BlobStoreTest, GivesBackWhatWasPutAlsoAfterAReopen) {
  const std::string data("a\0b", 3);
  const auto digest = store_->Put(data);
  ASSERT_TRUE(digest.ok()) << digest.status();
  EXPECT_EQ(*digest, Sha256Hex(data));
  EXPECT_EQ(*store_->Put(data), *digest);
  EXPECT_EQ(*(*OpenDirectoryBlobStore(root_.string()))->Get(*digest), data);
}

TEST_F(BlobStoreTest, UnknownAndHostileDigestsAreNotFound) {
  for (const std::string& digest :
       {Sha256Hex("nope"), std::string("../../etc/passwd"), std::string()}) {
    EXPECT_EQ(ReasonOf(store_->Get(digest).status()), v1::RESOURCE_NOT_FOUND) << digest;
    EXPECT_TRUE(store_->Delete(digest).ok());
  }
}

TEST_F(BlobStoreTest, TellsWhenAFileWasChanged) {
  const std::string digest = *store_->Put("content");
  const fs::path path = root_ / digest.substr(0, 2) / digest.substr(2);
  std::ofstream(path) << "other";
  EXPECT_TRUE(absl::IsInternal(store_->Get(digest).status()));
}

TEST_F(BlobStoreTest, Deletes) {
  const std::string digest = *store_->Put("content");
  ASSERT_TRUE(store_->Delete(digest).ok());
  EXPECT_EQ(ReasonOf(store_->Get(digest).status()), v1::RESOURCE_NOT_FOUND);
}

TEST_F(BlobStoreTest, ListsAndDeletesWhatWasNotPutForALongTime) {
  const std::string old = *store_->Put("old"), young = *store_->Put("young");
  const auto age = [&](const std::string& digest) {
    fs::last_write_time(root_ / digest.substr(0, 2) / digest.substr(2),
                        fs::file_time_type::clock::now() - std::chrono::hours(2));
  };
  age(old);
  const absl::Time cutoff = absl::Now() - absl::Hours(1);
  EXPECT_EQ(*store_->ListOlder(cutoff), std::vector<std::string>{old});
  EXPECT_FALSE(*store_->DeleteOlder(young, cutoff));
  EXPECT_TRUE(*store_->DeleteOlder(old, cutoff));
  EXPECT_FALSE(*store_->DeleteOlder(old, cutoff)) << "it is gone";
  EXPECT_EQ(ReasonOf(store_->Get(old).status()), v1::RESOURCE_NOT_FOUND);
  EXPECT_EQ(*store_->Get(young), "young");

  // Putting it again makes it young: somebody is about to name it.
  age(young);
  EXPECT_EQ(store_->ListOlder(cutoff)->size(), 1U);
  ASSERT_TRUE(store_->Put("young").ok());
  EXPECT_TRUE(store_->ListOlder(cutoff)->empty());
  EXPECT_FALSE(*store_->DeleteOlder(young, cutoff));
}

}  // namespace
}  // namespace stackyard
