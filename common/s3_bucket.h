// Objects in a bucket of S3, or of a store that speaks its protocol.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/aws_credentials.h"
#include "common/aws_signature.h"
#include "common/http_client.h"

namespace stackyard {

// Where a bucket is and how its objects are kept.
struct S3Address {
  std::string bucket;
  // Put in front of every name; empty, or ends in `/`.
  std::string prefix;
  std::string region;
  // `https://HOST[:PORT]`; empty: AWS.
  std::string endpoint;
  // The bucket stands in the path, not in the host.
  bool path_style = false;
  // Key of KMS that objects are encrypted with; empty: as the bucket says.
  std::string kms_key;

  // Reads `s3://BUCKET[/PREFIX][?region=…&endpoint=…&path_style=true|false&kms_key=…]`. What is not
  // said comes from AWS_REGION or AWS_DEFAULT_REGION, and AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL;
  // with an endpoint the path style is the default. INVALID_ARGUMENT names the part at fault.
  static absl::StatusOr<S3Address> Parse(std::string_view url, const Environment& environment);

  // URL of an object, or of the bucket for an empty key; `key` is the whole one, unescaped.
  std::string UrlOf(std::string_view key) const;
};

struct S3Object {
  // Without the prefix of the address.
  std::string name;
  // When it was written, by the clock of S3, cut to seconds.
  absl::Time time;
};

// Thread-safe. Every call is tried again when S3 is busy, fails, or cannot be reached, with growing
// pauses; each of them may be made twice without harm. Errors: NOT_FOUND for an object that is not
// there; UNAVAILABLE when it did not come about in time; FAILED_PRECONDITION when S3 refuses it:
// no such bucket, another region, no permission, no credentials.
class S3Bucket {
 public:
  struct Options {
    HttpClient::Options http;
    // At least 1.
    int attempts = 5;
    // Before the second attempt, up to this long; then twice as long each time, at most 5 s.
    absl::Duration first_pause = absl::Milliseconds(100);
    // Objects that one list tells of, up to 1000.
    int page = 1000;
    // Waits between attempts.
    std::function<void(absl::Duration)> pause = [](absl::Duration time) { absl::SleepFor(time); };
  };

  // INVALID_ARGUMENT when there are no credentials. The clock must outlive the bucket.
  static absl::StatusOr<std::unique_ptr<S3Bucket>> Open(const S3Address& address,
                                                        const Environment& environment,
                                                        const Clock& clock, const Options& options);

  // Writes an object whole, over one that is there. S3 checks the digest of the bytes.
  absl::Status Put(const std::string& name, std::string_view data);
  absl::StatusOr<std::string> Get(const std::string& name);
  // Deleting what is not there is no error.
  absl::Status Delete(const std::string& name);
  // All objects whose names begin with `prefix`, by name, as of a moment during the call.
  absl::Status List(const std::string& prefix, const std::function<void(S3Object)>& visit);
  // Whether the bucket can be listed.
  absl::Status Check();

  const S3Address& address() const { return address_; }

 private:
  struct Request;

  S3Bucket(const S3Address& address, const Options& options)
      : address_(address), options_(options), http_(options.http) {}
  // One attempt or several; a 2xx answer.
  absl::StatusOr<std::string> Call(const Request& request);
  // `renewed` says whether the keys were fetched anew for this request already.
  absl::StatusOr<std::string> Attempt(const Request& request, bool& renewed);
  // One page: answers the token of the next, empty on the last.
  absl::StatusOr<std::string> ListPage(const std::string& prefix, const std::string& token,
                                       int most, const std::function<void(S3Object)>& visit);

  const S3Address address_;
  const Options options_;
  HttpClient http_;
  std::unique_ptr<AwsCredentials> credentials_;
};

}  // namespace stackyard
