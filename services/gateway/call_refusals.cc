#include "services/gateway/call_refusals.h"

#include <google/rpc/error_details.pb.h>
#include <nghttp2/nghttp2.h>

#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace stackyard::gateway {

grpc::Status TooLarge(size_t length, size_t most) {
  return grpc::Status(
      grpc::StatusCode::RESOURCE_EXHAUSTED,
      absl::StrCat("Received message larger than max (", length, " vs. ", most, ")"));
}

absl::Status Overloaded(const char* why) {
  absl::Status status = Error(v1::OVERLOADED, absl::StrCat(why, "; come back later"));
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(1);
  AttachDetail(status, retry);
  return status;
}

absl::Status Away(const std::string& backend) {
  return Error(v1::DEPENDENCY_UNAVAILABLE,
               absl::StrCat("the service ", backend, " does not answer; try again"));
}

grpc::Status StatusOfReset(uint32_t error_code) {
  switch (error_code) {
    case NGHTTP2_CANCEL:
      return grpc::Status(grpc::StatusCode::CANCELLED, "the service cancelled the call");
    case kLostConnection:
    case NGHTTP2_REFUSED_STREAM:
      return grpc::Status(grpc::StatusCode::UNAVAILABLE, "the connection broke");
    case NGHTTP2_ENHANCE_YOUR_CALM:
      return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "the service wants fewer calls");
    case NGHTTP2_NO_ERROR:
      return grpc::Status(grpc::StatusCode::UNKNOWN, "the service ended the call without a status");
    default:
      return grpc::Status(grpc::StatusCode::INTERNAL,
                          absl::StrCat("the service reset the call with ", error_code));
  }
}

}  // namespace stackyard::gateway
