#include "common/principal.h"

#include <grpcpp/server_context.h>

#include <algorithm>

#include "common/status.h"

namespace stackyard {

absl::StatusOr<Principal> CallerOf(const grpc::ServerContextBase& context) {
  const auto& metadata = context.client_metadata();
  const auto range = metadata.equal_range(kPrincipalKey);
  if (range.first == range.second || std::next(range.first) != range.second) {
    return Error(v1::INTERNAL_FAULT, "the call did not come through the gateway");
  }
  Principal principal;
  const grpc::string_ref& value = range.first->second;
  if (!principal.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
    return Error(v1::INTERNAL_FAULT, "the caller's identity cannot be read");
  }
  return principal;
}

bool MaySee(const Principal& principal, std::string_view project) {
  return principal.everywhere() ||
         std::find(principal.projects().begin(), principal.projects().end(), project) !=
             principal.projects().end();
}

bool HasRole(const Principal& principal, std::string_view role) {
  return std::find(principal.roles().begin(), principal.roles().end(), role) !=
         principal.roles().end();
}

}  // namespace stackyard
