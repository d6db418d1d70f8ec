// Writes protobuf messages without their descriptors, for tests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace stackyard::runner {

class WireMessage {
 public:
  WireMessage& Number(int field, uint64_t value) {
    Varint(static_cast<uint64_t>(field) << 3);
    Varint(value);
    return *this;
  }
  WireMessage& Bytes(int field, std::string_view bytes) {
    Varint(static_cast<uint64_t>(field) << 3 | 2);
    Varint(bytes.size());
    bytes_ += bytes;
    return *this;
  }
  WireMessage& Message(int field, const WireMessage& message) {
    return Bytes(field, message.bytes());
  }

  const std::string& bytes() const { return bytes_; }

 private:
  void Varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

}  // namespace stackyard::runner
