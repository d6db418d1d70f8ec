// How a call ended, as gRPC's trailers say it.
#pragma once

#include <grpcpp/support/status.h>

#include <string>
#include <string_view>

#include "services/gateway/header_list.h"

namespace stackyard::gateway {

class CallStatus {
 public:
  CallStatus() = default;
  explicit CallStatus(const grpc::Status& status);

  // Takes a header of a backend's answer; clients see no other ones.
  void Read(std::string_view name, std::string_view value);
  // Adds all of it; to be submitted while this lives.
  void AddTo(HeaderList& headers) const;

  // UNKNOWN when the backend gave none.
  grpc::StatusCode code() const { return code_; }
  grpc::Status ToGrpc() const;
  bool has_details() const { return !details_.empty(); }
  // For logs: percent-encoded.
  const std::string& message() const { return message_; }

 private:
  grpc::StatusCode code_ = grpc::StatusCode::UNKNOWN;
  // As on the wire.
  std::string code_text_ = "2";
  std::string message_;
  std::string details_;
  std::string retry_after_;
  std::string retry_pushback_;
};

}  // namespace stackyard::gateway
