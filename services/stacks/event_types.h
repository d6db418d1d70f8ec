// The types of events, and patterns over them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "google/protobuf/repeated_field.h"

namespace stackyard::stacks {

// Types that a project's log may hold, sorted. A new type gets a line in the .cc.
const std::vector<std::string_view>& EventTypes();

// Whether a pattern (`stack.applied`, `stack.*`, `*`) takes in a type.
bool TakesIn(std::string_view pattern, std::string_view type);
bool AnyTakesIn(const google::protobuf::RepeatedPtrField<std::string>& patterns,
                std::string_view type);

// Adds a violation for more than 50 patterns, and for each that takes in no type.
void CheckPatterns(std::string_view field,
                   const google::protobuf::RepeatedPtrField<std::string>& patterns,
                   Violations& violations);

}  // namespace stackyard::stacks
