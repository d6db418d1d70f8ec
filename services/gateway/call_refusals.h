// What clients are told where the gateway itself ends a call, or no service said how it ended.
#pragma once

#include <grpcpp/support/status.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace stackyard::gateway {

// A message of `length` bytes where at most `most` are taken.
grpc::Status TooLarge(size_t length, size_t most);
// OVERLOADED, to come back in a second.
absl::Status Overloaded(const char* why);
// DEPENDENCY_UNAVAILABLE.
absl::Status Away(const std::string& backend);

// In place of an error code of HTTP/2: the connection broke.
inline constexpr uint32_t kLostConnection = UINT32_MAX;
// What a stream's end without a status means, as gRPC maps it.
grpc::Status StatusOfReset(uint32_t error_code);

}  // namespace stackyard::gateway
