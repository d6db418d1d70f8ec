#include "common/blob_store.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

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

}  // namespace
}  // namespace stackyard
