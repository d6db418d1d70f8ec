// Keys for AWS, found where its SDKs look for them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/http_client.h"

namespace stackyard {

// Never to be logged.
struct AwsKeys {
  std::string id;
  std::string secret;
  // Of temporary keys; empty else.
  std::string session_token;
  absl::Time expires = absl::InfiniteFuture();
};

// Value of an environment variable; nothing when it is unset or empty.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

// Of this process.
Environment ProcessEnvironment();

// Domain of AWS in a region: `amazonaws.com`, or `amazonaws.com.cn`.
std::string AwsDomain(std::string_view region);

// Where keys come from. Thread-safe.
class AwsKeySource {
 public:
  virtual ~AwsKeySource() = default;
  // Fetches keys anew. UNAVAILABLE, or FAILED_PRECONDITION where somebody has to mend something;
  // messages hold no secret.
  virtual absl::StatusOr<AwsKeys> Fetch() = 0;
};

// The first of these that the environment names:
//   1. AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN;
//   2. AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN (AWS_ROLE_SESSION_NAME), taken to STS in
//      `region`, or where AWS_ENDPOINT_URL_STS or AWS_ENDPOINT_URL says;
//   3. the profile AWS_PROFILE, else `default`, of the file AWS_SHARED_CREDENTIALS_FILE, else
//      ~/.aws/credentials;
//   4. AWS_CONTAINER_CREDENTIALS_FULL_URI or AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, with the token
//      in AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE or AWS_CONTAINER_AUTHORIZATION_TOKEN: EKS Pod
//      Identity and ECS.
// The client must outlive it. INVALID_ARGUMENT when none is named, or one by halves.
absl::StatusOr<std::unique_ptr<AwsKeySource>> FindAwsKeys(const Environment& environment,
                                                          const std::string& region,
                                                          HttpClient& http);

// Keeps keys until five minutes before they expire, and those without an end for a minute, since
// files change. Thread-safe.
class AwsCredentials {
 public:
  AwsCredentials(std::unique_ptr<AwsKeySource> source, const Clock& clock)
      : source_(std::move(source)), clock_(clock) {}

  // Keys that are good now. Where none can be fetched those at hand are given out until they
  // expire. Errors as of AwsKeySource::Fetch.
  absl::StatusOr<AwsKeys> Get();
  // AWS refused these: the next Get fetches anew.
  void Drop(const AwsKeys& keys);

 private:
  const std::unique_ptr<AwsKeySource> source_;
  const Clock& clock_;
  // Held while keys are fetched: all who need them wait for one fetch.
  absl::Mutex mutex_;
  std::optional<AwsKeys> keys_ ABSL_GUARDED_BY(mutex_);
  absl::Time fetch_at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace stackyard
