// The resources of a state file in the form of `terraform show -json`.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/runner/resource_schemas.h"

namespace stackyard::runner {

// `registry.terraform.io/hashicorp/aws` of
// `module.x.provider["registry.terraform.io/hashicorp/aws"]` with or without an alias behind it.
// FAILED_PRECONDITION when it is none such.
absl::StatusOr<std::string> ProviderSource(std::string_view provider);

// The managed resources of a state (JSON), of all modules in one array: address, mode, type,
// values, sensitive_values. FAILED_PRECONDITION when a type is not among the schemas, or anything
// else is not as it was seen before.
absl::StatusOr<nlohmann::json> PriorResources(std::string_view state,
                                              const ResourceSchemas& schemas);

}  // namespace stackyard::runner
