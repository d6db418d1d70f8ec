// Calls of the public API by name, so that commands need messages only and no stubs.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/endpoint.h"
#include "google/protobuf/message.h"

namespace stackyard::cli {

class Client {
 public:
  struct Options {
    Endpoint endpoint;
    // PEM with the authorities that the server is checked by; empty: those of the machine.
    std::string ca_pem;
    // Asked before each call for the bearer token; empty: none. Its error is the call's.
    std::function<absl::StatusOr<std::string>()> token = [] { return std::string(); };
    // Asked about five times a second; true ends a call as interrupted.
    std::function<bool()> interrupted = [] { return false; };
    // Waits; less long once it is interrupted.
    std::function<void(absl::Duration)> pause = [](absl::Duration) {};
  };
  explicit Client(Options options);
  ~Client();

  static constexpr absl::Duration kTimeout = absl::Seconds(30);

  // Calls `Service/Method` of stackyard.v1. A request_id is filled in where the request has the
  // field, so that retries on the way are safe. A read that comes too often or too much is tried
  // again after the time that the server asks for, while `timeout` allows.
  absl::Status Call(const std::string& method, google::protobuf::Message& request,
                    google::protobuf::Message* response, absl::Duration timeout = kTimeout);

  // Calls a List method page by page, and merges all pages into `response`; at most about `limit`
  // rows where that is not 0.
  absl::Status List(const std::string& method, google::protobuf::Message& request,
                    google::protobuf::Message* response, int limit = 0);

  // Reads a server stream into `message`, once per call of `on_message`, until the stream ends,
  // a callback answers false (which is no error) or `deadline` is over. `on_tick` is called about
  // five times a second.
  absl::Status Stream(const std::string& method, google::protobuf::Message& request,
                      google::protobuf::Message* message, const std::function<bool()>& on_message,
                      const std::function<bool()>& on_tick, absl::Time deadline);

 private:
  absl::Status CallOnce(const std::string& method, const google::protobuf::Message& request,
                        google::protobuf::Message* response, absl::Time deadline);

  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace stackyard::cli
