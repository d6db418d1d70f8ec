// Reads msgpack, one head after the other.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"

namespace stackyard::runner {

// Begins a value. The elements of an array, and the keys and values of a map, follow as values of
// their own.
struct MsgpackHead {
  enum class Kind { kNil, kBool, kInt, kUint, kFloat, kString, kBytes, kArray, kMap, kExtension };
  Kind kind = Kind::kNil;
  bool boolean = false;
  int64_t integer = 0;
  // Also the elements of an array, and the pairs of a map.
  uint64_t number = 0;
  double real = 0;
  // Of a string, bytes or an extension; lives as long as the message.
  std::string_view bytes;
};

class MsgpackReader {
 public:
  explicit MsgpackReader(std::string_view message) : rest_(message) {}

  // DATA_LOSS at the end, and where the bytes are no msgpack.
  absl::StatusOr<MsgpackHead> Next();
  bool AtEnd() const { return rest_.empty(); }
  // Bytes that were not read yet.
  size_t left() const { return rest_.size(); }

 private:
  bool Take(size_t size, std::string_view& bytes);
  // A number of `size` bytes, the highest first.
  bool TakeNumber(size_t size, uint64_t& number);
  // Bytes behind their length of `size` bytes.
  bool TakeSized(size_t size, std::string_view& bytes);
  bool Read(MsgpackHead& head);
  bool ReadFixed(uint8_t byte, MsgpackHead& head);
  bool ReadNumber(uint8_t byte, MsgpackHead& head);
  bool ReadExtension(uint8_t byte, MsgpackHead& head);

  std::string_view rest_;
};

}  // namespace stackyard::runner
