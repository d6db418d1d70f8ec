// JSON objects that are kept as they were written.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/struct.pb.h"

namespace stackyard {

struct JsonLimits {
  size_t bytes = size_t{1} << 20;
  // Objects and lists within each other; protobuf takes 30 in a Struct.
  int depth = 30;
};

// OK for one JSON object (RFC 8259) in UTF-8 without a byte order mark, within the limits, in which
// no object has a key twice and every number is within the range of a double. Else INVALID_ARGUMENT
// whose message says what is wrong and at which line and column.
absl::Status CheckJsonObject(std::string_view text, const JsonLimits& limits = {});

// The object as a Struct: numbers as far as double precision goes. INTERNAL for a text that
// CheckJsonObject refuses.
absl::StatusOr<google::protobuf::Struct> ToStruct(std::string_view text);

}  // namespace stackyard
