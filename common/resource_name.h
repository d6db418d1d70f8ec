// Parsing of resource names and ids.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace stackyard {

// Matches a name against a pattern like `projects/*/stacks/*`; a last `**` takes the rest. Answers
// what the stars stand for; INVALID_FIELD on `field` when it does not match, or a part is empty.
absl::StatusOr<std::vector<std::string>> ParseName(std::string_view field, std::string_view name,
                                                   std::string_view pattern);

// Whether an id is 2 to 40 of a-z, 0-9 and -, starting with a letter and not ending in -.
bool IsResourceId(std::string_view id);

// What IsResourceId expects, for error messages.
inline constexpr std::string_view kResourceIdRule =
    "must be 2 to 40 of a-z, 0-9 and -, start with a letter and not end in -";

}  // namespace stackyard
