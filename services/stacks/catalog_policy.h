// What modules of the catalogue may contain, from a file of the operator.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "stackyard/internal/v1/run_queue.pb.h"

namespace stackyard::stacks {

// Holds without a file: any provider, modules from inside the template alone, no provisioners, and
// not the data source `external`, which runs programs while a plan is made.
internal::v1::CatalogPolicy DefaultCatalogPolicy();

// Reads YAML with the keys `providers`, `module_sources`, `provisioners` and `denied_data_sources`,
// each a list; a key that is left out is as in the default. INVALID_FIELD with every fault as
// `FILE:LINE`.
absl::StatusOr<internal::v1::CatalogPolicy> ParseCatalogPolicy(const std::string& file,
                                                               std::string_view yaml);

// The policy in a file; the default when `path` is empty. INVALID_ARGUMENT on one line.
absl::StatusOr<internal::v1::CatalogPolicy> LoadCatalogPolicy(const std::string& path);

}  // namespace stackyard::stacks
