// One HTTP POST to an address that a user named.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/net_guard.h"

namespace stackyard {

struct HttpRequest {
  // http or https.
  std::string url;
  // Names and values; without line breaks.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  // For all of it: name, connection, TLS, request and answer.
  absl::Duration timeout = absl::Seconds(10);
};

struct HttpAnswer {
  int status = 0;
  // Its beginning: at most 1 KiB.
  std::string body;
};

// Sends it and reads the answer, but no more of it than 64 KiB. Redirects are not followed, and
// proxies of the environment are not used. UNAVAILABLE when there is no answer, or the guard does
// not admit the address that the name leads to; the message tells why.
absl::StatusOr<HttpAnswer> PostHttp(const HttpRequest& request, const NetGuard& guard);

// Checks an address that is to be kept. OK, or an error whose message says what it must be: http or
// https, with a host that the guard may admit, without user, password and fragment, at most 2000
// bytes.
absl::Status CheckHttpUrl(const std::string& url, const NetGuard& guard);

}  // namespace stackyard
