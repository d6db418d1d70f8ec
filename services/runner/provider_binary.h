// The provider programs of an initialised module.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace stackyard::runner {

struct ProviderBinary {
  // `registry.terraform.io/hashicorp/aws`.
  std::string source;
  // `5.100.0`.
  std::string version;
  // Of the program itself, without symbolic links.
  std::string path;
  // Differs when the program is another one: made from path, size and time of change.
  std::string identity;
};

// Providers in `.terraform/providers` of a module, by source. INTERNAL when one of them has not
// exactly one version and one program there.
absl::StatusOr<std::vector<ProviderBinary>> ProvidersOf(const std::string& prepared);

// A program by its path; INTERNAL when it is none.
absl::StatusOr<ProviderBinary> ReadProviderBinary(const std::string& source,
                                                  const std::string& version,
                                                  const std::string& path);

}  // namespace stackyard::runner
