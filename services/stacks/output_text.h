// The outputs in a Terraform state as the state spells them: no number is rounded.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace stackyard::stacks {

struct OutputText {
  bool sensitive = false;
  // JSON without blanks.
  std::string json;
  bool is_string = false;
  // What a string says; empty for other types.
  std::string text;
};

// By name. INVALID_FIELD on `state` when the text is no JSON.
absl::StatusOr<std::map<std::string, OutputText>> ReadOutputs(std::string_view state);

}  // namespace stackyard::stacks
