// What a filter says about every message that matches it, in words that a store can look up.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"

namespace stackyard {

// Holds for a field of a message.
struct FilterHint {
  enum class Kind {
    // It is the value.
    kEqual,
    // It begins with the value, a text.
    kPrefix,
    // The map has the key; no value.
    kPresent,
    // It is a time and the value, or later.
    kAtLeast,
    // It is a time and the value, or earlier.
    kAtMost
  };
  Kind kind = Kind::kEqual;
  // In snake_case: `lease.end_time`, `labels`.
  std::string path;
  // Of a map at `path`, the key whose value is meant. Set only where `in_map`.
  std::string key;
  bool in_map = false;
  // The number of an enum, a text, or a time.
  std::variant<std::monostate, int, std::string, absl::Time> value;
};

// Of each group at least one hint holds, for every message that matches. They say less than the
// filter does: what they leave has still to be matched.
using FilterHints = std::vector<std::vector<FilterHint>>;

}  // namespace stackyard
