// Which variables of a module are secret.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace stackyard::runner {

struct SecretVariable {
  std::string name;
  // What it is when nobody sets it.
  std::optional<std::string> default_value;
};

// The variables that a file of HCL declares with `sensitive = true`. FAILED_PRECONDITION where that
// cannot be said without evaluating something, or the text is none that Terraform would take.
absl::StatusOr<std::vector<SecretVariable>> ReadSecretVariables(std::string_view hcl);

}  // namespace stackyard::runner
