// Names of services in their certificates.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace stackyard {

// `spiffe://example.org/stacks`, or with more path
// `spiffe://example.org/ns/prod/sa/stackyard-stacks`: the last part names the service, with or
// without `stackyard-`. All before it names the mesh, and is the same for all services that trust
// each other.
struct SpiffeId {
  // `spiffe://example.org/ns/prod/sa`.
  std::string mesh;
  // `stacks`.
  std::string service;
};

// INVALID_ARGUMENT for anything that SPIFFE does not allow, and for an id without a path.
absl::StatusOr<SpiffeId> ParseSpiffeId(std::string_view uri);

}  // namespace stackyard
