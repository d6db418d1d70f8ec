// What every handler of a public RPC begins and ends with.
#pragma once

#include <grpcpp/server_context.h>

#include <string>

#include "common/grpc_status.h"
#include "common/log.h"
#include "common/principal.h"

namespace stackyard {

// The value of a metadata key that clients send; empty when there is none.
inline std::string MetadataOf(const grpc::ServerContextBase& context, const char* key) {
  const auto found = context.client_metadata().find(key);
  return found == context.client_metadata().end()
             ? ""
             : std::string(found->second.data(), found->second.size());
}

// The trace that a call between services belongs to, for its handler.
inline RequestScope TraceOf(const grpc::ServerContextBase& context) {
  return RequestScope("", MetadataOf(context, kTraceparentKey));
}

// Calls `work` with who calls, under the request's ids, and answers what it answers: a Status, or
// a StatusOr of the response.
template <typename Response, typename Work>
grpc::Status Handle(const grpc::ServerContext* context, Response* response, const Work& work) {
  const absl::StatusOr<Principal> caller = CallerOf(*context);
  if (!caller.ok()) return ToGrpc(caller.status());
  const RequestScope scope(caller->request_id(), MetadataOf(*context, kTraceparentKey));
  if constexpr (std::is_same_v<decltype(work(*caller)), absl::Status>) {
    return ToGrpc(work(*caller));
  } else {
    return Answer(work(*caller), response);
  }
}

}  // namespace stackyard
