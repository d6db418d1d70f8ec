#include "common/sealed_blob_store.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/id.h"
#include "common/status.h"

namespace stackyard {
namespace {

namespace fs = std::filesystem;

class SealedBlobStoreTest : public testing::Test {
 protected:
  SealedBlobStoreTest() {
    fs::create_directories(root_);
    store_ = *OpenSealedBlobStore((root_ / "blobs").string(), Key("a"));
  }
  ~SealedBlobStoreTest() override { fs::remove_all(root_); }

  Sealer Key(const std::string& name) { return *Sealer::ReadOrMake((root_ / name).string()); }
  fs::path PathOf(const std::string& digest) const {
    return root_ / "blobs" / digest.substr(0, 2) / digest.substr(2);
  }
  std::string Stored(const std::string& digest) const {
    std::ifstream file(PathOf(digest), std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

  const fs::path root_ = fs::temp_directory_path() / ("stackyard-sealed-" + RandomId());
  std::unique_ptr<BlobStore> store_;
};

TEST_F(SealedBlobStoreTest, GivesBackWhatWasPutByTheDigestOfThePlainContent) {
  for (const std::string& content :
       {std::string(), std::string("a\0b", 3), std::string(1 << 20, 'x'), RandomId(100)}) {
    const auto digest = store_->Put(content);
    ASSERT_TRUE(digest.ok()) << digest.status();
    EXPECT_EQ(*digest, Sha256Hex(content));
    EXPECT_EQ(*store_->Get(*digest), content);
    EXPECT_EQ(*store_->Put(content), *digest);
  }
}

TEST_F(SealedBlobStoreTest, NothingOfTheContentIsOnDisk) {
  std::string content;
  for (int i = 0; i < 1000; ++i) content += "{\"password\":\"hunter2\"}";
  const std::string digest = *store_->Put(content);
  const std::string stored = Stored(digest);
  EXPECT_EQ(stored.find("hunter2"), stored.npos);
  EXPECT_EQ(stored.find("password"), stored.npos);
  EXPECT_LT(stored.size(), content.size() / 10) << "it is compressed";
}

TEST_F(SealedBlobStoreTest, WhatDoesNotGetSmallerIsKeptAsItIs) {
  const std::string content = RandomId(50);
  const std::string digest = *store_->Put(content);
  EXPECT_EQ(Stored(digest).size(), content.size() + Sealer::kOverhead + 1);
  EXPECT_EQ(*store_->Get(digest), content);
}

TEST_F(SealedBlobStoreTest, PlainBlobsOfOldAreStillRead) {
  const std::string digest = *(*OpenDirectoryBlobStore((root_ / "blobs").string()))->Put("old");
  EXPECT_EQ(*store_->Get(digest), "old");
}

TEST_F(SealedBlobStoreTest, DamageAndExchangeAreTold) {
  const std::string one = *store_->Put("one"), two = *store_->Put("two");
  fs::copy_file(PathOf(one), PathOf(two), fs::copy_options::overwrite_existing);
  EXPECT_TRUE(absl::IsDataLoss(store_->Get(two).status())) << store_->Get(two).status();
  std::string stored = Stored(one);
  stored.back() ^= 1;
  std::ofstream(PathOf(one), std::ios::binary) << stored;
  EXPECT_TRUE(absl::IsDataLoss(store_->Get(one).status())) << store_->Get(one).status();
}

TEST_F(SealedBlobStoreTest, AMissingKeyIsTold) {
  const std::string digest = *store_->Put("content");
  const auto other = *OpenSealedBlobStore((root_ / "blobs").string(), Key("b"));
  EXPECT_TRUE(absl::IsFailedPrecondition(other->Get(digest).status()));
}

}  // namespace
}  // namespace stackyard
