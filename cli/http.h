// One exchange with a web server: where people sign in.
#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace stackyard::cli {

struct HttpCall {
  // https; http only to this machine.
  std::string url;
  // application/x-www-form-urlencoded; empty: GET.
  std::string form;
  // PEM file with the authorities that the server is checked by; empty: those of the machine.
  std::string ca_file;
  absl::Duration timeout = absl::Seconds(30);
  // Asked now and then; true ends the exchange.
  std::function<bool()> interrupted = [] { return false; };
};

struct HttpAnswer {
  int status = 0;
  // At most 1 MiB.
  std::string body;
};

// Redirects are not followed; proxies of the environment are used, but not for this machine.
// UNAVAILABLE when there is no answer, INVALID_ARGUMENT when the url is neither https nor of this
// machine, CANCELLED when interrupted.
absl::StatusOr<HttpAnswer> SendHttp(const HttpCall& call);

// `a=1&b=2`, percent-encoded.
std::string FormText(std::initializer_list<std::pair<std::string, std::string>> fields);

}  // namespace stackyard::cli
