// HTTP to addresses that the operator named: object stores and what gives out their credentials.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/aws_signature.h"
#include "common/curl.h"

namespace stackyard {

struct HttpCall {
  // GET, PUT, POST or DELETE.
  std::string method = "GET";
  // http or https; what stands in its path and query is escaped already.
  std::string url;
  // Names and values; without line breaks.
  HttpHeaders headers;
  // Must outlive the call.
  std::string_view body;
};

struct HttpReply {
  int status = 0;
  std::string body;
};

// Keeps connections open for the next call. Thread-safe.
class HttpClient {
 public:
  struct Options {
    // Until there is a connection, with TLS.
    absl::Duration connect_timeout = absl::Seconds(5);
    // A call that moves less than 1 KiB a second for so long has failed; at least 1 s.
    absl::Duration stall_timeout = absl::Seconds(15);
    // For all of a call.
    absl::Duration timeout = absl::Minutes(5);
    // Longest answer that is read.
    size_t most_bytes = size_t{1} << 30;
  };

  HttpClient() : HttpClient(Options()) {}
  explicit HttpClient(const Options& options) : options_(options) {}

  // Sends a call and reads the whole answer, whatever its status; redirects are not followed, and
  // proxies of the environment not used. UNAVAILABLE when there is no answer, or not all of it; the
  // message tells why, and nothing of the request.
  absl::StatusOr<HttpReply> Send(const HttpCall& call);

 private:
  const Options options_;
  absl::Mutex mutex_;
  std::vector<std::unique_ptr<Curl>> idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace stackyard
