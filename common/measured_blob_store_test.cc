#include "common/measured_blob_store.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "absl/time/clock.h"
#include "common/id.h"
#include "common/status.h"
#include "common/test_metrics.h"

namespace stackyard {
namespace {

class MeasuredBlobStoreTest : public testing::Test {
 protected:
  MeasuredBlobStoreTest() {
    store_ = MakeMeasuredBlobStore(*OpenDirectoryBlobStore(root_.string()), "blobs", registry_);
  }
  ~MeasuredBlobStoreTest() override { std::filesystem::remove_all(root_); }

  double Count(const std::string& operation, const std::string& result) {
    return MetricValue(registry_, "stackyard_blob_request_seconds",
                       {{"store", "blobs"}, {"operation", operation}, {"result", result}});
  }

  const std::filesystem::path root_ =
      std::filesystem::temp_directory_path() / ("stackyard-measured-" + RandomId());
  prometheus::Registry registry_;
  std::unique_ptr<BlobStore> store_;
};

TEST_F(MeasuredBlobStoreTest, CountsEachRequestByWhatBecameOfIt) {
  const auto digest = store_->Put("some bytes");
  ASSERT_TRUE(digest.ok()) << digest.status();
  EXPECT_EQ(*store_->Get(*digest), "some bytes");
  EXPECT_EQ(*store_->Get(*digest), "some bytes");
  EXPECT_EQ(Count("put", "ok"), 1);
  EXPECT_EQ(Count("get", "ok"), 2);

  EXPECT_EQ(store_->ListOlder(absl::InfiniteFuture())->size(), 1);
  EXPECT_EQ(Count("list", "ok"), 1);
  EXPECT_TRUE(*store_->DeleteOlder(*digest, absl::InfiniteFuture()));
  EXPECT_TRUE(store_->Delete(*digest).ok());
  EXPECT_EQ(Count("delete", "ok"), 2);

  EXPECT_EQ(ReasonOf(store_->Get(*digest).status()), v1::RESOURCE_NOT_FOUND);
  EXPECT_EQ(Count("get", "not_found"), 1);
  EXPECT_EQ(Count("get", "error"), 0);
}

TEST_F(MeasuredBlobStoreTest, ABlobThatIsSpoiltIsAnError) {
  const std::string digest = *store_->Put("some bytes");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root_)) {
    if (entry.is_regular_file()) std::filesystem::resize_file(entry.path(), 3);
  }
  EXPECT_FALSE(store_->Get(digest).ok());
  EXPECT_EQ(Count("get", "error"), 1);
  EXPECT_EQ(Count("get", "not_found"), 0);
}

}  // namespace
}  // namespace stackyard
