// Errors with reasons. Every error that leaves a service is an absl::Status that carries a
// google.rpc.ErrorInfo and, where it helps, BadRequest, QuotaFailure, PreconditionFailure or
// ResourceInfo; ToGrpc is the one place where they become a grpc::Status.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "stackyard/v1/errors.pb.h"

namespace stackyard {

using v1::ErrorReason;

// Domain of every ErrorInfo of ours.
inline constexpr std::string_view kErrorDomain = "stackyard.dev";

using ErrorMetadata = std::initializer_list<std::pair<std::string_view, std::string_view>>;

// An error with the gRPC code that belongs to `reason` (see errors.proto).
absl::Status Error(ErrorReason reason, std::string_view message, ErrorMetadata metadata = {});

// RESOURCE_NOT_FOUND for a resource name.
absl::Status NotFound(std::string_view resource_name);

// RESOURCE_EXISTS for a resource name.
absl::Status Exists(std::string_view resource_name);

// INVALID_FIELD for one field.
absl::Status InvalidField(std::string_view field, std::string_view description);

// The reason of an error; ERROR_REASON_UNSPECIFIED when it has none.
ErrorReason ReasonOf(const absl::Status& status);

// Collects what is wrong with a request, so that all of it is told at once.
class Violations {
 public:
  // `field` is a path like `stack.parameters.size`; `description` says what is expected.
  void Add(std::string_view field, std::string_view description);
  bool empty() const { return request_.field_violations().empty(); }
  // OK when nothing was added, else one error that names every field, with BadRequest details.
  absl::Status ToStatus(ErrorReason reason = ErrorReason::INVALID_FIELD) const;

 private:
  google::rpc::BadRequest request_;
};

// Adds a detail message; the type is kept, a second one of the same type replaces the first.
void AttachDetail(absl::Status& status, const google::protobuf::Message& detail);

// Reads a detail message; false when the status has none of that type.
bool ReadDetail(const absl::Status& status, google::protobuf::Message& detail);

// To and from the wire form, with all details. An OK status becomes code 0.
google::rpc::Status ToProto(const absl::Status& status);
absl::Status FromProto(const google::rpc::Status& status);

}  // namespace stackyard
