#include "common/grpc_status.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/log.h"

namespace stackyard {
namespace {

constexpr char kPeerRefused[] = "PEER_REFUSED: ";

// Gives an error without a reason one.
void AttachReason(absl::Status& status, v1::ErrorReason reason) {
  google::rpc::ErrorInfo info;
  info.set_reason(v1::ErrorReason_Name(reason));
  info.set_domain(std::string(kErrorDomain));
  AttachDetail(status, info);
}

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const bool unexplained = ReasonOf(status) == v1::ERROR_REASON_UNSPECIFIED;
  const bool ours =
      status.code() == absl::StatusCode::kInternal || status.code() == absl::StatusCode::kUnknown;
  if (ours && unexplained) {
    LogError("internal error", {{"error", status.ToString()}});
    return ToGrpc(Error(v1::INTERNAL_FAULT,
                        "something went wrong on our side; the log has the details under the "
                        "request id"));
  }
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()),
                      ToProto(status).SerializeAsString());
}

grpc::Status PeerRefusal(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      absl::StrCat(kPeerRefused, status.message()));
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  google::rpc::Status proto;
  absl::Status result;
  if (!status.error_details().empty() && proto.ParseFromString(status.error_details()) &&
      proto.code() == static_cast<int>(status.error_code())) {
    result = FromProto(proto);
  } else {
    result =
        absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  }
  const bool away = result.code() == absl::StatusCode::kUnavailable ||
                    result.code() == absl::StatusCode::kDeadlineExceeded;
  if (ReasonOf(result) != v1::ERROR_REASON_UNSPECIFIED) return result;
  if (away) AttachReason(result, v1::DEPENDENCY_UNAVAILABLE);
  if (absl::IsPermissionDenied(result) && absl::StartsWith(result.message(), kPeerRefused)) {
    AttachReason(result, v1::PEER_REFUSED);
  }
  return result;
}

}  // namespace stackyard
