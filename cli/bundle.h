// Packing a template's folder.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace stackyard::cli {

// Largest bundle that the service takes.
inline constexpr size_t kMaxBundleBytes = 8 << 20;

// The folder as gzipped tar. The same files give the same bytes: sorted, without times and owners.
// Left out are .git, .terraform and Terraform state. INVALID_FIELD on `directory` when it is no
// folder, has no template.yaml, holds a link or special file, or is too large.
absl::StatusOr<std::string> PackBundle(const std::string& directory);

}  // namespace stackyard::cli
