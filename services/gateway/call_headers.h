// What the gateway reads from a call's headers, and what it passes on.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "services/gateway/header_list.h"

namespace stackyard::gateway {

class CallHeaders {
 public:
  // One header as it came; names are in lower case.
  void Add(std::string_view name, std::string_view value);
  // After the last: makes what is missing. INVALID_FIELD for a `grpc-timeout` that is none.
  absl::Status Complete();

  // `/stackyard.v1.StackService/GetStack`.
  std::string path;
  // Value of `authorization`; empty when there is none, or more than one.
  std::string authorization;
  // What the client sent, or a new one when it sent none, or one that is no printable ASCII of at
  // most 128 characters.
  std::string request_id;
  // W3C trace context; a new one when the client sent none that is well formed.
  std::string traceparent;
  // The trace is a new one. Nobody has said yet that it is recorded.
  bool begins_trace = false;
  std::string tracestate;
  // Whom proxies say that they speak for: all values of x-forwarded-for in order, joined by commas;
  // empty when there is none, or more than 1 KiB.
  std::string forwarded_for;
  // Whether the request is POST with a content type of gRPC.
  bool is_grpc() const { return post_ && grpc_content_; }
  // How long the client waits.
  std::optional<std::chrono::nanoseconds> timeout;
  // Of all names and values, as SETTINGS_MAX_HEADER_LIST_SIZE counts.
  size_t bytes() const { return bytes_; }

  // Adds all that a backend gets of the client's headers. Nothing passes but what is named here;
  // above all no token, and no `x-stackyard-`.
  void PassOn(HeaderList& headers) const;

 private:
  // Sets `field`, or empties it when the header was there before: nobody could say which counts.
  void Single(std::string& field, unsigned bit, std::string_view value);

  std::string timeout_;
  unsigned seen_ = 0;
  // Of all values of x-forwarded-for.
  size_t forwarded_bytes_ = 0;
  size_t bytes_ = 0;
  bool post_ = false;
  bool grpc_content_ = false;
};

// `grpc-timeout` of at least what is left; at most 8 digits and a unit.
std::string FormatTimeout(std::chrono::nanoseconds left);

}  // namespace stackyard::gateway
