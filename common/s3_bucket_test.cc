// Against a real server; the faults are made by one in front of it.
#include "common/s3_bucket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "tests/support/http_server.h"
#include "tests/support/s3_env.h"

namespace stackyard {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Environment None() {
  return [](std::string_view) { return std::nullopt; };
}

TEST(S3AddressTest, IsReadFromAUrlAndTheEnvironment) {
  auto address = S3Address::Parse("s3://my-bucket/a/b?region=eu-west-1&kms_key=arn%3Aaws", None());
  ASSERT_TRUE(address.ok()) << address.status();
  EXPECT_EQ(address->bucket, "my-bucket");
  EXPECT_EQ(address->prefix, "a/b/");
  EXPECT_EQ(address->kms_key, "arn:aws");
  EXPECT_EQ(address->UrlOf("a/b/c d"), "https://my-bucket.s3.eu-west-1.amazonaws.com/a/b/c%20d");
  EXPECT_EQ(address->UrlOf(""), "https://my-bucket.s3.eu-west-1.amazonaws.com/");

  address = S3Address::Parse("s3://my.bucket?region=cn-north-1", None());
  EXPECT_EQ(address->prefix, "");
  EXPECT_EQ(address->UrlOf("x"), "https://s3.cn-north-1.amazonaws.com.cn/my.bucket/x");
  address = S3Address::Parse("s3://bucket/?endpoint=http://127.0.0.1:9000/", None());
  EXPECT_EQ(address->region, "us-east-1");
  EXPECT_EQ(address->UrlOf("x"), "http://127.0.0.1:9000/bucket/x");
  EXPECT_EQ(address->UrlOf(""), "http://127.0.0.1:9000/bucket");
  address =
      S3Address::Parse("s3://bucket?endpoint=http://s3.local&path_style=false&region=x", None());
  EXPECT_EQ(address->UrlOf("x"), "http://bucket.s3.local/x");
  address = S3Address::Parse("s3://bucket", [](std::string_view name) {
    return name == "AWS_REGION" ? std::optional<std::string>("us-west-2") : std::nullopt;
  });
  EXPECT_EQ(address->region, "us-west-2");
}

TEST(S3AddressTest, ThePortOfTheSchemeIsLeftOut) {
  const auto url = [](const std::string& endpoint) {
    return S3Address::Parse("s3://bucket?endpoint=" + endpoint, None())->UrlOf("x");
  };
  EXPECT_EQ(url("https://minio:443"), "https://minio/bucket/x");
  EXPECT_EQ(url("https://minio:443/"), "https://minio/bucket/x");
  EXPECT_EQ(url("http://minio:80"), "http://minio/bucket/x");
  EXPECT_EQ(url("http://[::1]:80"), "http://[::1]/bucket/x");
  EXPECT_EQ(url("https://minio:80"), "https://minio:80/bucket/x");
  EXPECT_EQ(url("http://minio:443"), "http://minio:443/bucket/x");
  EXPECT_EQ(url("http://minio:8080"), "http://minio:8080/bucket/x");
}

TEST(S3AddressTest, FaultsAreNamed) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"http://bucket", "s3://"},
      {"s3://B", "bucket"},
      {"s3://", "bucket"},
      {"s3://bucket", "region"},
      {"s3://bucket/a//b?region=x", "prefix"},
      {"s3://bucket?region", "NAME=VALUE"},
      {"s3://bucket?region=x&colour=red", "colour"},
      {"s3://bucket?region=x&endpoint=ftp://x", "endpoint"},
      {"s3://bucket?region=x/../y", "region"},
      {"s3://bucket?region=x&path_style=maybe", "path_style"},
      {"s3://bucket?region=x&kms_key=a%0d%0ab", "kms_key"},
  };
  for (const auto& [url, part] : cases) {
    const absl::Status fault = S3Address::Parse(url, None()).status();
    EXPECT_TRUE(absl::IsInvalidArgument(fault)) << url;
    EXPECT_THAT(std::string(fault.message()), HasSubstr(part)) << url;
  }
}

class S3BucketTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto url = S3Server();
    if (absl::IsNotFound(url.status())) GTEST_SKIP() << url.status();
    ASSERT_TRUE(url.ok()) << url.status();
    url_ = *url;
    const absl::Status made = MakeBucket(url_);
    ASSERT_TRUE(made.ok()) << made;
    bucket_ = OpenTestBucket(url_, prefix_);
  }

  // What `spoil` makes of an answer is sent; it is called with the number of the call, from 1.
  using Spoil = std::function<std::string(int call, std::string answer)>;
  void Spoilt(const Spoil& spoil, S3Bucket::Options options = QuickOptions()) {
    front_ = std::make_unique<HttpServer>([this, spoil](const HttpServer::Request& request) {
      const int call = ++calls_;
      return spoil(call, PassOn(url_, request));
    });
    spoilt_ = OpenTestBucket(front_->url(), prefix_, options);
  }

  const std::string prefix_ = RandomId();
  std::string url_;
  std::unique_ptr<S3Bucket> bucket_;
  std::atomic<int> calls_ = 0;
  std::unique_ptr<HttpServer> front_;
  std::unique_ptr<S3Bucket> spoilt_;
};

TEST_F(S3BucketTest, KeepsObjects) {
  const std::string data("a\0b", 3), large(6'000'000, 'x');
  EXPECT_TRUE(absl::IsNotFound(bucket_->Get("one").status()));
  ASSERT_TRUE(bucket_->Put("one", data).ok());
  EXPECT_EQ(*bucket_->Get("one"), data);
  ASSERT_TRUE(bucket_->Put("one", large).ok());
  EXPECT_EQ(*bucket_->Get("one"), large);
  ASSERT_TRUE(bucket_->Put("one", "").ok());
  EXPECT_EQ(*bucket_->Get("one"), "");
  ASSERT_TRUE(bucket_->Delete("one").ok());
  EXPECT_TRUE(absl::IsNotFound(bucket_->Get("one").status()));
  EXPECT_TRUE(bucket_->Delete("one").ok());
}

TEST_F(S3BucketTest, ListsPageByPageWithinItsPrefix) {
  ASSERT_TRUE(OpenTestBucket(url_, prefix_ + "x")->Put("elsewhere", "").ok());
  const std::vector<std::string> names = {"a/1", "a/2", "a/b &<é>+%", "a/c", "b"};
  for (const std::string& name : names) ASSERT_TRUE(bucket_->Put(name, name).ok());
  S3Bucket::Options options = QuickOptions();
  options.page = 2;
  const auto paged = OpenTestBucket(url_, prefix_, options);
  std::vector<std::string> found;
  absl::Time youngest = absl::InfinitePast();
  ASSERT_TRUE(paged
                  ->List("",
                         [&](S3Object object) {
                           found.push_back(object.name);
                           youngest = std::max(youngest, object.time);
                         })
                  .ok());
  EXPECT_EQ(found, names);
  EXPECT_LT(absl::AbsDuration(absl::Now() - youngest), absl::Minutes(1));
  found.clear();
  ASSERT_TRUE(paged->List("a/b", [&](S3Object object) { found.push_back(object.name); }).ok());
  EXPECT_THAT(found, ElementsAre("a/b &<é>+%"));
  EXPECT_EQ(*bucket_->Get("a/b &<é>+%"), "a/b &<é>+%");
}

TEST_F(S3BucketTest, WhatPassesIsTriedAgain) {
  std::vector<absl::Duration> pauses;
  S3Bucket::Options options = QuickOptions();
  options.pause = [&](absl::Duration pause) { pauses.push_back(pause); };
  Spoilt(
      [](int call, std::string answer) {
        if (call == 1) return HttpAnswer("503 Slow Down", "<Error><Code>SlowDown</Code></Error>");
        if (call == 2) return HttpAnswer("500 Oh", "");
        // The work was done, and nobody hears of it.
        if (call == 3) return std::string();
        if (call == 4) return HttpAnswer("400 No", "<Error><Code>RequestTimeout</Code></Error>");
        return answer;
      },
      options);
  ASSERT_TRUE(spoilt_->Put("one", "data").ok());
  EXPECT_EQ(calls_, 5);
  EXPECT_EQ(*bucket_->Get("one"), "data");
  ASSERT_THAT(pauses, SizeIs(4));
  absl::Duration longest = options.first_pause;
  for (const absl::Duration pause : pauses) {
    EXPECT_LE(pause, longest);
    EXPECT_GE(pause, longest / 2);
    longest *= 2;
  }
}

TEST_F(S3BucketTest, AnAnswerThatIsCutIsReadAgain) {
  const std::string data(100'000, 'x');
  ASSERT_TRUE(bucket_->Put("one", data).ok());
  Spoilt([](int call, std::string answer) {
    return call == 1 ? answer.substr(0, answer.size() - 1) : answer;
  });
  const auto read = spoilt_->Get("one");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, data);
  EXPECT_EQ(calls_, 2);
}

TEST_F(S3BucketTest, WhoNeverAnswersIsNotWaitedFor) {
  ASSERT_TRUE(bucket_->Put("one", "data").ok());
  S3Bucket::Options options = QuickOptions();
  options.http.stall_timeout = absl::Seconds(1);
  Spoilt(
      [this](int call, std::string answer) {
        if (call == 1) front_->WaitForEnd();
        return answer;
      },
      options);
  EXPECT_EQ(*spoilt_->Get("one"), "data");
  EXPECT_EQ(calls_, 2);
}

TEST_F(S3BucketTest, AtLastItIsUnavailable) {
  Spoilt([](int, std::string) { return HttpAnswer("503 Busy", ""); });
  const absl::Status fault = spoilt_->Put("one", "data");
  EXPECT_TRUE(absl::IsUnavailable(fault)) << fault;
  EXPECT_THAT(std::string(fault.message()), HasSubstr("503"));
  EXPECT_EQ(calls_, QuickOptions().attempts);
  front_.reset();
  EXPECT_TRUE(absl::IsUnavailable(spoilt_->Get("one").status()));
}

TEST_F(S3BucketTest, RefusalsAreNotTriedAgain) {
  std::string answer = HttpAnswer("403 Forbidden", "<Error><Code>AccessDenied</Code></Error>");
  Spoilt([&](int, std::string) { return answer; });
  EXPECT_TRUE(absl::IsFailedPrecondition(spoilt_->Put("one", "data")));
  EXPECT_EQ(calls_, 1);
  answer = HttpAnswer("301 Moved", "<Error><Code>PermanentRedirect</Code></Error>");
  EXPECT_THAT(std::string(spoilt_->Check().message()), HasSubstr("another region"));
  answer = HttpAnswer("404 No", "<Error><Code>NoSuchBucket</Code></Error>");
  EXPECT_TRUE(absl::IsFailedPrecondition(spoilt_->Get("one").status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(spoilt_->Delete("one")));
  answer = HttpAnswer("200 OK", "<html>please log in</html>");
  EXPECT_TRUE(absl::IsUnavailable(spoilt_->Check())) << "a list it is not";
  EXPECT_TRUE(bucket_->Check().ok());
}

TEST_F(S3BucketTest, KeysThatAreOverAreFetchedAnewOnce) {
  Spoilt([](int call, std::string answer) {
    return call == 1 ? HttpAnswer("400 Bad", "<Error><Code>ExpiredToken</Code></Error>") : answer;
  });
  EXPECT_TRUE(spoilt_->Put("one", "data").ok());
  EXPECT_EQ(calls_, 2);
  calls_ = 0;
  Spoilt([](int, std::string) {
    return HttpAnswer("403 No", "<Error><Code>InvalidAccessKeyId</Code></Error>");
  });
  EXPECT_TRUE(absl::IsFailedPrecondition(spoilt_->Put("one", "data")));
  EXPECT_EQ(calls_, 2);
}

TEST_F(S3BucketTest, ARoleIsTakenWithAWebIdentity) {
  const std::string token = testing::TempDir() + "/web-identity-" + RandomId();
  std::ofstream(token) << "a token";
  HttpServer front([this](const HttpServer::Request& request) { return PassOn(url_, request); });
  const auto environment = [&](std::string_view name) -> std::optional<std::string> {
    if (name == "AWS_WEB_IDENTITY_TOKEN_FILE") return token;
    if (name == "AWS_ROLE_ARN") return "arn:aws:iam::123456789012:role/stackyard";
    if (name == "AWS_ENDPOINT_URL") return front.url();
    return std::nullopt;
  };
  const auto address = S3Address::Parse("s3://blobs/" + prefix_, environment);
  ASSERT_TRUE(address.ok()) << address.status();
  const SystemClock clock;
  const auto bucket = S3Bucket::Open(*address, environment, clock, QuickOptions());
  ASSERT_TRUE(bucket.ok()) << bucket.status();
  ASSERT_TRUE((*bucket)->Put("one", "data").ok());
  EXPECT_EQ(*(*bucket)->Get("one"), "data");
  ASSERT_THAT(front.seen(), SizeIs(3)) << "one call of STS, and two with what it gave";
  EXPECT_THAT(front.seen()[0].body, HasSubstr("Action=AssumeRoleWithWebIdentity"));
  EXPECT_THAT(front.seen()[1].head, HasSubstr("x-amz-security-token: "));
  std::remove(token.c_str());
}

TEST_F(S3BucketTest, WhatIsSentIsSignedAndEncryptedAsAsked) {
  HttpServer server([](const HttpServer::Request&) { return HttpAnswer("200 OK", ""); });
  const auto environment = [](std::string_view name) -> std::optional<std::string> {
    if (name == "AWS_ACCESS_KEY_ID") return "AKIDEXAMPLE";
    if (name == "AWS_SECRET_ACCESS_KEY") return "the-secret";
    if (name == "AWS_SESSION_TOKEN") return "the-token";
    return std::nullopt;
  };
  const auto address = S3Address::Parse(
      absl::StrCat("s3://bucket/p?kms_key=my-key&endpoint=", server.url()), environment);
  const SystemClock clock;
  const auto bucket = S3Bucket::Open(*address, environment, clock, QuickOptions());
  ASSERT_TRUE((*bucket)->Put("one", "data").ok());
  const HttpServer::Request sent = server.seen()[0];
  EXPECT_THAT(sent.head, HasSubstr("PUT /bucket/p/one HTTP/1.1\r\n"));
  EXPECT_THAT(sent.head, HasSubstr(absl::StrCat("x-amz-content-sha256: ", Sha256Hex("data"))));
  EXPECT_THAT(sent.head, HasSubstr("x-amz-server-side-encryption: aws:kms\r\n"));
  EXPECT_THAT(sent.head, HasSubstr("x-amz-server-side-encryption-aws-kms-key-id: my-key\r\n"));
  EXPECT_THAT(sent.head, HasSubstr("x-amz-security-token: the-token\r\n"));
  EXPECT_THAT(sent.head, HasSubstr("SignedHeaders=content-type;host;x-amz-content-sha256;"
                                   "x-amz-date;x-amz-security-token;"
                                   "x-amz-server-side-encryption;"));
  EXPECT_THAT(sent.head, testing::Not(HasSubstr("the-secret")));
}

}  // namespace
}  // namespace stackyard
