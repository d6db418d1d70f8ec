// One HTTP GET of a document that an operator has named.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace stackyard {

struct HttpGetOptions {
  // PEM file of the authorities to trust; empty: those of the system.
  std::string ca_file;
  // For all of it: name, connection, TLS, request and answer.
  absl::Duration timeout = absl::Seconds(5);
  size_t most_bytes = 1 << 20;
};

struct HttpDocument {
  std::string body;
  // The `max-age` of its Cache-Control; ZeroDuration where there is none.
  absl::Duration max_age;
};

// Reads the document at `url`, which CheckTrustedUrl must have passed. Redirects are not followed,
// and proxies of the environment are not used. UNAVAILABLE, with a reason for people, when there is
// no answer, another status than 200, or more than `most_bytes`.
absl::StatusOr<HttpDocument> GetHttp(const std::string& url, const HttpGetOptions& options);

// OK for an https address, and for an http one whose host is this machine, where nobody listens in
// between: `localhost` or a loopback address. Neither may hold a user or a fragment. Else an error
// whose message says what it must be.
absl::Status CheckTrustedUrl(const std::string& url);

// The `max-age` of a Cache-Control header; ZeroDuration where there is none, or `no-store` or
// `no-cache` forbid to keep the answer.
absl::Duration ReadMaxAge(std::string_view cache_control);

}  // namespace stackyard
