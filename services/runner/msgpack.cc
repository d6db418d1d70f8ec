#include "services/runner/msgpack.h"

#include <cstring>

namespace stackyard::runner {

using Kind = MsgpackHead::Kind;

namespace {

int64_t SignedByte(uint64_t byte) {
  const auto value = static_cast<int64_t>(byte);
  return value < 0x80 ? value : value - 0x100;
}

}  // namespace

absl::StatusOr<MsgpackHead> MsgpackReader::Next() {
  MsgpackHead head;
  if (!Read(head)) return absl::DataLossError("bytes that are no msgpack");
  return head;
}

bool MsgpackReader::Take(size_t size, std::string_view& bytes) {
  if (size > rest_.size()) return false;
  bytes = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return true;
}

bool MsgpackReader::TakeNumber(size_t size, uint64_t& number) {
  std::string_view bytes;
  if (!Take(size, bytes)) return false;
  number = 0;
  for (const char byte : bytes) number = number << 8 | static_cast<uint8_t>(byte);
  return true;
}

bool MsgpackReader::TakeSized(size_t size, std::string_view& bytes) {
  uint64_t length = 0;
  return TakeNumber(size, length) && Take(length, bytes);
}

bool MsgpackReader::Read(MsgpackHead& head) {
  uint64_t first = 0;
  if (!TakeNumber(1, first)) return false;
  const uint8_t byte = static_cast<uint8_t>(first);
  if (byte < 0xc0 || byte >= 0xe0) return ReadFixed(byte, head);
  switch (byte) {
    case 0xc0:
      head.kind = Kind::kNil;
      return true;
    case 0xc2:
    case 0xc3:
      head.kind = Kind::kBool;
      head.boolean = byte == 0xc3;
      return true;
    case 0xc4:
    case 0xc5:
    case 0xc6:
      head.kind = Kind::kBytes;
      return TakeSized(size_t{1} << (byte - 0xc4), head.bytes);
    case 0xd9:
    case 0xda:
    case 0xdb:
      head.kind = Kind::kString;
      return TakeSized(size_t{1} << (byte - 0xd9), head.bytes);
    case 0xdc:
    case 0xdd:
      head.kind = Kind::kArray;
      return TakeNumber(size_t{2} << (byte - 0xdc), head.number);
    case 0xde:
    case 0xdf:
      head.kind = Kind::kMap;
      return TakeNumber(size_t{2} << (byte - 0xde), head.number);
    default:
      return byte >= 0xca && byte <= 0xd3 ? ReadNumber(byte, head) : ReadExtension(byte, head);
  }
}

bool MsgpackReader::ReadFixed(uint8_t byte, MsgpackHead& head) {
  if (byte < 0x80) {
    head.kind = Kind::kUint;
    head.number = byte;
    return true;
  }
  if (byte >= 0xe0) {
    head.kind = Kind::kInt;
    head.integer = SignedByte(byte);
    return true;
  }
  if (byte >= 0xa0) {
    head.kind = Kind::kString;
    return Take(byte & 0x1f, head.bytes);
  }
  head.kind = byte < 0x90 ? Kind::kMap : Kind::kArray;
  head.number = byte & 0x0f;
  return true;
}

bool MsgpackReader::ReadNumber(uint8_t byte, MsgpackHead& head) {
  const size_t size = byte < 0xcc ? size_t{4} << (byte - 0xca) : size_t{1} << (byte & 3);
  uint64_t raw = 0;
  if (!TakeNumber(size, raw)) return false;
  if (byte == 0xca) {
    const uint32_t bits = static_cast<uint32_t>(raw);
    float real = 0;
    std::memcpy(&real, &bits, sizeof(real));
    head.real = real;
  } else if (byte == 0xcb) {
    std::memcpy(&head.real, &raw, sizeof(head.real));
  }
  head.kind = byte < 0xcc ? Kind::kFloat : byte < 0xd0 ? Kind::kUint : Kind::kInt;
  head.number = raw;
  // The sign is the highest bit of however many there are.
  const int unused = 64 - 8 * static_cast<int>(size);
  head.integer = static_cast<int64_t>(raw << unused) >> unused;
  return true;
}

bool MsgpackReader::ReadExtension(uint8_t byte, MsgpackHead& head) {
  head.kind = Kind::kExtension;
  uint64_t size = 0;
  if (byte >= 0xd4 && byte <= 0xd8) {
    size = uint64_t{1} << (byte - 0xd4);
  } else if (byte < 0xc7 || byte > 0xc9 || !TakeNumber(size_t{1} << (byte - 0xc7), size)) {
    return false;
  }
  uint64_t type = 0;
  if (!TakeNumber(1, type)) return false;
  head.integer = SignedByte(type);
  return Take(size, head.bytes);
}

}  // namespace stackyard::runner
