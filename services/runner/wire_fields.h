// Protobuf messages without their descriptors.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "absl/status/status.h"

namespace stackyard::runner {

// One field as it is on the wire.
struct WireField {
  int number = 0;
  // A string, bytes or a message; else a number.
  bool is_bytes = false;
  // Of a varint or a fixed number.
  uint64_t value = 0;
  // Lives as long as the message.
  std::string_view bytes;
};

// Calls `take` for the fields of a message, in order, until it fails. DATA_LOSS when the bytes are
// no message.
absl::Status ForEachField(std::string_view message,
                          const std::function<absl::Status(const WireField& field)>& take);

}  // namespace stackyard::runner
