// The edge between absl::Status and gRPC.
#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/statusor.h"
#include "common/status.h"

namespace stackyard {

// Details travel in the status. An INTERNAL or UNKNOWN error without a reason is logged in full
// and answered blandly.
grpc::Status ToGrpc(const absl::Status& status);

// The same for PEER_REFUSED, where gRPC lets no details through: the message begins with the
// reason.
grpc::Status PeerRefusal(const absl::Status& status);

// The reverse, for clients. UNAVAILABLE and DEADLINE_EXCEEDED without a reason get
// DEPENDENCY_UNAVAILABLE.
absl::Status FromGrpc(const grpc::Status& status);

// Ends a handler: `return Answer(catalog_.Get(...), response);`
template <typename T>
grpc::Status Answer(absl::StatusOr<T> result, T* response) {
  if (!result.ok()) return ToGrpc(result.status());
  *response = *std::move(result);
  return grpc::Status::OK;
}

inline grpc::Status Answer(const absl::Status& status) { return ToGrpc(status); }

}  // namespace stackyard
