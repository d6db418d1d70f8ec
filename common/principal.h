// Who calls, as the gateway says.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "stackyard/internal/v1/principal.pb.h"

namespace grpc {
class ClientContext;
class ServerContextBase;
}  // namespace grpc

namespace stackyard {

using Principal = internal::v1::Principal;

// Metadata that only the gateway may set; it strips what clients send.
inline constexpr char kPrincipalKey[] = "x-stackyard-principal-bin";
inline constexpr char kRequestIdKey[] = "x-request-id";
inline constexpr char kTraceparentKey[] = "traceparent";

// The caller of an RPC. INTERNAL_FAULT when the metadata is missing: then the call did not come
// through the gateway.
absl::StatusOr<Principal> CallerOf(const grpc::ServerContextBase& context);

// Whether lists may show a project to the caller.
bool MaySee(const Principal& principal, std::string_view project);

// Whether the caller holds a role, for example `devops`, on the project of the call.
bool HasRole(const Principal& principal, std::string_view role);

}  // namespace stackyard
