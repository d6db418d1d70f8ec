// One suite over both stores; in S3 against a real server.
#include "common/blob_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "common/id.h"
#include "common/poll_until.h"
#include "common/s3_blob_store.h"
#include "common/sealed_blob_store.h"
#include "common/status.h"
#include "tests/support/http_server.h"
#include "tests/support/s3_env.h"

namespace stackyard {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

enum class Place { kFolder, kS3 };

class BlobStoreTest : public testing::TestWithParam<Place> {
 protected:
  void SetUp() override {
    fs::create_directories(root_);
    if (GetParam() == Place::kS3) {
      const auto url = S3Server();
      if (absl::IsNotFound(url.status())) GTEST_SKIP() << url.status();
      ASSERT_TRUE(url.ok()) << url.status();
      url_ = *url;
      const absl::Status made = MakeBucket(url_);
      ASSERT_TRUE(made.ok()) << made;
    }
    store_ = Open();
  }
  ~BlobStoreTest() override { fs::remove_all(root_); }

  // The same blobs again, as another process sees them.
  std::unique_ptr<BlobStore> Open(std::unique_ptr<BlobForm> form = nullptr) {
    if (GetParam() == Place::kFolder) {
      return *OpenDirectoryBlobStore((root_ / "blobs").string(), std::move(form));
    }
    return MakeS3BlobStore(OpenTestBucket(url_, prefix_), std::move(form));
  }
  Sealer Key() { return *Sealer::ReadOrMake((root_ / "key").string()); }

  // The time from which on a blob that is put now counts as older: S3 keeps seconds.
  absl::Time TimeAfter(const std::string& digest) {
    absl::Time time;
    EXPECT_TRUE(PollUntil(
        [&] {
          time = absl::Now();
          const auto older = store_->ListOlder(time);
          return older.ok() && std::find(older->begin(), older->end(), digest) != older->end();
        },
        absl::Seconds(20)));
    // Files are dated by a clock that ticks every few milliseconds.
    PollUntil([&] { return absl::Now() > time + absl::Milliseconds(50); }, absl::Seconds(1));
    return time;
  }

  const fs::path root_ = fs::temp_directory_path() / ("stackyard-blobs-" + RandomId());
  const std::string prefix_ = RandomId();
  std::string url_;
  std::unique_ptr<BlobStore> store_;
};

INSTANTIATE_TEST_SUITE_P(Places, BlobStoreTest, testing::Values(Place::kFolder, Place::kS3),
                         [](const testing::TestParamInfo<Place>& info) {
                           return info.param == Place::kFolder ? "Folder" : "S3";
                         });

TEST_P(BlobStoreTest, GivesBackWhatWasPutAlsoAfterAReopen) {
  for (const std::string& data :
       {std::string("a\0b", 3), std::string(), std::string(5'000'000, 'x')}) {
    const auto digest = store_->Put(data);
    ASSERT_TRUE(digest.ok()) << digest.status();
    EXPECT_EQ(*digest, Sha256Hex(data));
    EXPECT_EQ(*store_->Put(data), *digest);
    EXPECT_EQ(*Open()->Get(*digest), data);
  }
}

TEST_P(BlobStoreTest, UnknownAndHostileDigestsAreNotFound) {
  for (const std::string& digest :
       {Sha256Hex("nope"), std::string("../../etc/passwd"), std::string()}) {
    EXPECT_EQ(ReasonOf(store_->Get(digest).status()), v1::RESOURCE_NOT_FOUND) << digest;
    EXPECT_TRUE(store_->Delete(digest).ok());
    EXPECT_FALSE(*store_->DeleteOlder(digest, absl::InfiniteFuture()));
  }
}

TEST_P(BlobStoreTest, Deletes) {
  const std::string digest = *store_->Put("content");
  ASSERT_TRUE(store_->Put("content").ok());
  ASSERT_TRUE(store_->Delete(digest).ok());
  EXPECT_EQ(ReasonOf(store_->Get(digest).status()), v1::RESOURCE_NOT_FOUND);
}

TEST_P(BlobStoreTest, ListsAndDeletesWhatWasNotPutForALongTime) {
  const std::string old = *store_->Put("old"), other = *store_->Put("other");
  const absl::Time time = std::max(TimeAfter(old), TimeAfter(other));
  const std::string young = *store_->Put("young");
  EXPECT_THAT(*store_->ListOlder(time), testing::UnorderedElementsAre(old, other));
  EXPECT_FALSE(*store_->DeleteOlder(young, time));
  EXPECT_TRUE(*store_->DeleteOlder(old, time));
  EXPECT_FALSE(*store_->DeleteOlder(old, time)) << "it is gone";
  EXPECT_EQ(ReasonOf(store_->Get(old).status()), v1::RESOURCE_NOT_FOUND);
  EXPECT_EQ(*store_->Get(young), "young");

  // Putting it again makes it young: somebody is about to name it.
  ASSERT_TRUE(store_->Put("other").ok());
  EXPECT_THAT(*store_->ListOlder(time), IsEmpty());
  EXPECT_FALSE(*store_->DeleteOlder(other, time));
  EXPECT_EQ(*store_->Get(other), "other");
}

TEST_P(BlobStoreTest, ManyAtOnce) {
  std::vector<std::thread> callers;
  std::atomic<int> wrong = 0;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&, i] {
      for (int round = 0; round < 5; ++round) {
        const std::string data =
            absl::StrCat("data ", round, " of ", i % 2, std::string(1000, 'x'));
        const auto digest = store_->Put(data);
        const auto read = digest.ok() ? store_->Get(*digest) : digest;
        if (!read.ok() || *read != data) ++wrong;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
}

TEST_P(BlobStoreTest, SealedOrNot) {
  const std::string plain = *store_->Put("plain");
  const auto sealed = Open(SealedForm(Key()));
  const std::string secret(1000, 's');
  const std::string digest = *sealed->Put(secret);
  EXPECT_EQ(digest, Sha256Hex(secret));
  EXPECT_EQ(*sealed->Get(digest), secret);
  EXPECT_EQ(*sealed->Get(plain), "plain");
  EXPECT_TRUE(absl::IsInternal(store_->Get(digest).status())) << "it is not what it was";
}

TEST(DirectoryBlobStoreTest, TellsWhenAFileWasChanged) {
  const fs::path root = fs::temp_directory_path() / ("stackyard-blobs-" + RandomId());
  const auto store = *OpenDirectoryBlobStore(root.string());
  const std::string digest = *store->Put("content");
  std::ofstream(root / digest.substr(0, 2) / digest.substr(2)) << "other";
  EXPECT_TRUE(absl::IsInternal(store->Get(digest).status()));
  fs::remove_all(root);
}

// What S3 alone can do.
class S3BlobStoreTest : public testing::Test {
 protected:
  using Spoil = std::function<std::string(const HttpServer::Request&, std::string answer)>;

  void SetUp() override {
    const auto url = S3Server();
    if (absl::IsNotFound(url.status())) GTEST_SKIP() << url.status();
    ASSERT_TRUE(url.ok()) << url.status();
    url_ = *url;
    ASSERT_TRUE(MakeBucket(url_).ok());
    bucket_ = OpenTestBucket(url_, prefix_);
    store_ = MakeS3BlobStore(OpenTestBucket(url_, prefix_));
  }
  void Spoilt(const Spoil& spoil) {
    front_ = std::make_unique<HttpServer>([this, spoil](const HttpServer::Request& request) {
      return spoil(request, PassOn(url_, request));
    });
    spoilt_ = MakeS3BlobStore(OpenTestBucket(front_->url(), prefix_));
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    EXPECT_TRUE(bucket_->List("", [&](S3Object object) { names.push_back(object.name); }).ok());
    return names;
  }

  const std::string prefix_ = RandomId();
  std::string url_;
  std::unique_ptr<S3Bucket> bucket_;
  std::unique_ptr<BlobStore> store_;
  std::unique_ptr<HttpServer> front_;
  std::unique_ptr<BlobStore> spoilt_;
};

TEST_F(S3BlobStoreTest, WhoPutsABlobWhileItIsDeletedKeepsIt) {
  const std::string digest = *store_->Put("content");
  // Between the look at its age and its deletion.
  bool put = false;
  front_ = std::make_unique<HttpServer>([&](const HttpServer::Request& request) {
    if (absl::StartsWith(request.head, "DELETE") && !put) {
      put = true;
      EXPECT_TRUE(store_->Put("content").ok());
    }
    return PassOn(url_, request);
  });
  spoilt_ = MakeS3BlobStore(OpenTestBucket(front_->url(), prefix_));
  EXPECT_TRUE(*spoilt_->DeleteOlder(digest, absl::InfiniteFuture()));
  EXPECT_TRUE(put);
  EXPECT_EQ(*store_->Get(digest), "content");
}

TEST_F(S3BlobStoreTest, OldCopiesThatHaveAYoungerOneGo) {
  const std::string digest = *store_->Put("content");
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(store_->Put("content").ok());
  ASSERT_THAT(Names(), SizeIs(4));
  // Nothing is old yet.
  EXPECT_THAT(*store_->ListOlder(absl::Now() - absl::Hours(1)), IsEmpty());
  EXPECT_THAT(Names(), SizeIs(4));
  EXPECT_THAT(*store_->ListOlder(absl::InfiniteFuture()), ElementsAre(digest));
  EXPECT_THAT(Names(), SizeIs(1));
  EXPECT_EQ(*store_->Get(digest), "content");
}

TEST_F(S3BlobStoreTest, WhatIsNoBlobIsLeftAlone) {
  const std::string digest = Sha256Hex("content");
  // A file of a directory store that was copied over.
  ASSERT_TRUE(bucket_->Put(digest.substr(0, 2) + "/" + digest.substr(2), "content").ok());
  ASSERT_TRUE(bucket_->Put("notes.txt", "mine").ok());
  ASSERT_TRUE(bucket_->Put(digest.substr(0, 2) + "/" + digest.substr(2) + "x", "mine").ok());
  EXPECT_EQ(*store_->Get(digest), "content");
  EXPECT_THAT(*store_->ListOlder(absl::InfiniteFuture()), ElementsAre(digest));
  EXPECT_TRUE(*store_->DeleteOlder(digest, absl::InfiniteFuture()));
  EXPECT_THAT(Names(), SizeIs(2));
}

TEST_F(S3BlobStoreTest, BytesThatCameDamagedAreReadAgain) {
  const std::string digest = *store_->Put("the content");
  int damaged = 0;
  const auto damage = [](std::string answer) {
    const size_t at = answer.find("the content");
    if (at != std::string::npos) answer[at] = 'T';
    return answer;
  };
  Spoilt([&](const HttpServer::Request&, std::string answer) {
    const std::string bad = damage(answer);
    return bad != answer && ++damaged == 1 ? bad : answer;
  });
  EXPECT_EQ(*spoilt_->Get(digest), "the content");
  EXPECT_EQ(damaged, 2);
  Spoilt([&](const HttpServer::Request&, std::string answer) { return damage(answer); });
  const absl::Status fault = spoilt_->Get(digest).status();
  EXPECT_TRUE(absl::IsInternal(fault)) << fault;
  EXPECT_TRUE(absl::StrContains(fault.message(), "has changed"));
  // Another copy may be whole.
  const std::string place = digest.substr(0, 2) + "/" + digest.substr(2);
  ASSERT_TRUE(bucket_->Put(place + ".zzz", "other bytes").ok());
  EXPECT_EQ(*store_->Get(digest), "the content");
}

TEST_F(S3BlobStoreTest, WhoHoldsTheOnlyBytesIsToldToTryAgain) {
  for (const char* answer : {"503 Busy", "403 Forbidden", "404 Not Found"}) {
    Spoilt([&](const HttpServer::Request&, std::string) {
      return HttpAnswer(answer, "<Error><Code>NoSuchBucket</Code></Error>");
    });
    for (const absl::Status& status :
         {spoilt_->Put("content").status(), spoilt_->Get(Sha256Hex("content")).status(),
          spoilt_->ListOlder(absl::Now()).status(), spoilt_->Delete(Sha256Hex("content"))}) {
      EXPECT_EQ(ReasonOf(status), v1::DEPENDENCY_UNAVAILABLE) << answer << ": " << status;
    }
  }
}

}  // namespace
}  // namespace stackyard
