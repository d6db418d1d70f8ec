#include "common/status.h"

#include <optional>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace stackyard {
namespace {

// The code that errors.proto promises for each reason.
absl::StatusCode CodeOf(ErrorReason reason) {
  switch (reason) {
    case v1::INVALID_FIELD:
    case v1::BUNDLE_INVALID:
      return absl::StatusCode::kInvalidArgument;
    case v1::RESOURCE_NOT_FOUND:
      return absl::StatusCode::kNotFound;
    case v1::RESOURCE_EXISTS:
      return absl::StatusCode::kAlreadyExists;
    case v1::ETAG_MISMATCH:
    case v1::GENERATION_STALE:
    case v1::REQUEST_ID_REUSED:
      return absl::StatusCode::kAborted;
    case v1::WRONG_STATE:
    case v1::PLAN_STALE:
    case v1::MODULE_INVALID:
    case v1::RUN_FAILED:
    case v1::STATE_CONFLICT:
    case v1::STATE_LOCKED:
    case v1::REQUEST_CLOSED:
    case v1::POLICY_DENIED:
      return absl::StatusCode::kFailedPrecondition;
    case v1::TOKEN_INVALID:
      return absl::StatusCode::kUnauthenticated;
    case v1::PERMISSION_MISSING:
    case v1::SELF_REVIEW:
    case v1::PEER_REFUSED:
      return absl::StatusCode::kPermissionDenied;
    case v1::QUOTA_EXCEEDED:
    case v1::RATE_LIMITED:
      return absl::StatusCode::kResourceExhausted;
    case v1::RUN_CANCELLED:
      return absl::StatusCode::kCancelled;
    case v1::DEPENDENCY_UNAVAILABLE:
    case v1::OVERLOADED:
      return absl::StatusCode::kUnavailable;
    case v1::NOT_BUILT:
      return absl::StatusCode::kUnimplemented;
    default:
      return absl::StatusCode::kInternal;
  }
}

std::string TypeUrl(const google::protobuf::Message& detail) {
  return absl::StrCat("type.googleapis.com/", detail.GetDescriptor()->full_name());
}

}  // namespace

absl::Status Error(ErrorReason reason, std::string_view message, ErrorMetadata metadata) {
  absl::Status status(CodeOf(reason), absl::string_view(message.data(), message.size()));
  google::rpc::ErrorInfo info;
  info.set_reason(v1::ErrorReason_Name(reason));
  info.set_domain(std::string(kErrorDomain));
  for (const auto& [key, value] : metadata) {
    (*info.mutable_metadata())[std::string(key)] = std::string(value);
  }
  AttachDetail(status, info);
  return status;
}

absl::Status NotFound(std::string_view resource_name) {
  absl::Status status =
      Error(v1::RESOURCE_NOT_FOUND, absl::StrCat(std::string(resource_name), " does not exist"),
            {{"resource", resource_name}});
  google::rpc::ResourceInfo info;
  info.set_resource_name(std::string(resource_name));
  AttachDetail(status, info);
  return status;
}

absl::Status Exists(std::string_view resource_name) {
  absl::Status status =
      Error(v1::RESOURCE_EXISTS, absl::StrCat(std::string(resource_name), " exists already"),
            {{"resource", resource_name}});
  google::rpc::ResourceInfo info;
  info.set_resource_name(std::string(resource_name));
  AttachDetail(status, info);
  return status;
}

absl::Status InvalidField(std::string_view field, std::string_view description) {
  Violations violations;
  violations.Add(field, description);
  return violations.ToStatus();
}

ErrorReason ReasonOf(const absl::Status& status) {
  google::rpc::ErrorInfo info;
  ErrorReason reason = v1::ERROR_REASON_UNSPECIFIED;
  if (ReadDetail(status, info) && info.domain() == kErrorDomain) {
    v1::ErrorReason_Parse(info.reason(), &reason);
  }
  return reason;
}

void Violations::Add(std::string_view field, std::string_view description) {
  auto* violation = request_.add_field_violations();
  violation->set_field(std::string(field));
  violation->set_description(std::string(description));
}

absl::Status Violations::ToStatus(ErrorReason reason) const {
  if (empty()) return absl::OkStatus();
  std::string message;
  for (const auto& violation : request_.field_violations()) {
    absl::StrAppend(&message, message.empty() ? "" : "; ", violation.field(), ": ",
                    violation.description());
  }
  absl::Status status = Error(reason, message);
  AttachDetail(status, request_);
  return status;
}

void AttachDetail(absl::Status& status, const google::protobuf::Message& detail) {
  status.SetPayload(TypeUrl(detail), absl::Cord(detail.SerializeAsString()));
}

bool ReadDetail(const absl::Status& status, google::protobuf::Message& detail) {
  const auto payload = status.GetPayload(TypeUrl(detail));
  return payload.has_value() && detail.ParseFromString(std::string(*payload));
}

google::rpc::Status ToProto(const absl::Status& status) {
  google::rpc::Status proto;
  proto.set_code(static_cast<int>(status.code()));
  proto.set_message(std::string(status.message()));
  status.ForEachPayload([&](absl::string_view type_url, const absl::Cord& payload) {
    auto* any = proto.add_details();
    any->set_type_url(std::string(type_url));
    any->set_value(std::string(payload));
  });
  return proto;
}

absl::Status FromProto(const google::rpc::Status& proto) {
  absl::Status status(static_cast<absl::StatusCode>(proto.code()), proto.message());
  for (const auto& any : proto.details())
    status.SetPayload(any.type_url(), absl::Cord(any.value()));
  return status;
}

}  // namespace stackyard
