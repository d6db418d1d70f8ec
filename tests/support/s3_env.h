// A bucket of a real server for tests.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/clock.h"
#include "common/id.h"
#include "common/s3_bucket.h"
#include "tests/support/s3.h"

namespace stackyard {

inline Environment TestKeys() {
  return [](std::string_view name) -> std::optional<std::string> {
    if (name == "AWS_ACCESS_KEY_ID" || name == "AWS_SECRET_ACCESS_KEY") return "test";
    return std::nullopt;
  };
}

// Makes the bucket `blobs` at a server.
inline absl::Status MakeBucket(const std::string& url) {
  HttpClient http;
  HttpCall call;
  call.method = "PUT";
  call.url = absl::StrCat(url, "/blobs");
  call.headers = {{"x-amz-content-sha256", Sha256Hex("")}};
  SignAws({"us-east-1", "s3", "test", "test"}, call.method, call.url, absl::Now(), call.headers);
  const auto reply = http.Send(call);
  if (!reply.ok()) return reply.status();
  return reply->status == 200 ? absl::OkStatus() : absl::InternalError(reply->body);
}

// Without pauses; the clock is the system's.
inline S3Bucket::Options QuickOptions() {
  S3Bucket::Options options;
  options.pause = [](absl::Duration) {};
  return options;
}

inline std::unique_ptr<S3Bucket> OpenTestBucket(const std::string& url, const std::string& prefix,
                                                const S3Bucket::Options& options = QuickOptions()) {
  static const SystemClock& clock = *new SystemClock();
  const auto address =
      S3Address::Parse(absl::StrCat("s3://blobs/", prefix, "?endpoint=", url), TestKeys());
  auto bucket = S3Bucket::Open(*address, TestKeys(), clock, options);
  return *std::move(bucket);
}

}  // namespace stackyard
