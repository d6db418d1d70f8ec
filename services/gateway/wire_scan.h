// Finds one string in a serialised message without parsing the rest.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace stackyard::gateway {

// Where a string field is: field numbers from the outermost message inwards, and the same path in
// words, for errors.
struct FieldPath {
  std::vector<int> numbers;
  std::string text;

  bool empty() const { return numbers.empty(); }
};

// Answers the string at `path`, empty when it is absent; it points into `message`.
//
// The answer decides who may call, so it must be what any protobuf parser would read. Hence
// INVALID_FIELD for whatever parsers read in different ways or merge: a field of the path that
// occurs twice or with another wire type, numbers with bits that parsers drop, groups, and bytes
// that are no message.
absl::StatusOr<std::string_view> ScanString(std::string_view message, const FieldPath& path);

}  // namespace stackyard::gateway
