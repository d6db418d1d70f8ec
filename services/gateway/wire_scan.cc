#include "services/gateway/wire_scan.h"

#include <cstdint>
#include <optional>

#include "common/status.h"

namespace stackyard::gateway {
namespace {

enum WireType { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

// Reads off the front of what is left.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  bool done() const { return rest_.empty(); }

  // At most 10 bytes.
  std::optional<uint64_t> Varint() {
    uint64_t value = 0;
    for (size_t i = 0; i < 10 && i < rest_.size(); ++i) {
      const auto byte = static_cast<unsigned char>(rest_[i]);
      value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
      if (byte < 0x80) {
        rest_.remove_prefix(i + 1);
        return value;
      }
    }
    return std::nullopt;
  }

  // For tags and lengths. Parsers keep 32 bits of them; more is refused, not cut off, or the tag
  // that is read here would not be the one that they read.
  std::optional<uint32_t> Varint32() {
    const size_t before = rest_.size();
    const std::optional<uint64_t> value = Varint();
    if (!value || *value > UINT32_MAX || before - rest_.size() > 5) return std::nullopt;
    return static_cast<uint32_t>(*value);
  }

  std::optional<std::string_view> Take(uint64_t count) {
    if (count > rest_.size()) return std::nullopt;
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }

 private:
  std::string_view rest_;
};

absl::Status Malformed() { return InvalidField("request", "is not a serialised message"); }

// Skips a value; for kBytes answers its content.
std::optional<std::string_view> ReadValue(Reader& reader, uint32_t wire_type) {
  switch (wire_type) {
    case kVarint:
      if (!reader.Varint()) return std::nullopt;
      return std::string_view();
    case kFixed64:
      return reader.Take(8);
    case kFixed32:
      return reader.Take(4);
    case kBytes: {
      const std::optional<uint32_t> length = reader.Varint32();
      if (!length) return std::nullopt;
      return reader.Take(*length);
    }
    default:
      return std::nullopt;
  }
}

// Content of the field `number` of one message; empty when absent. Always reads to the end.
absl::StatusOr<std::string_view> FindField(std::string_view message, uint32_t number,
                                           const std::string& path) {
  std::optional<std::string_view> found;
  Reader reader(message);
  while (!reader.done()) {
    const std::optional<uint32_t> tag = reader.Varint32();
    if (!tag || *tag >> 3 == 0) return Malformed();
    const uint32_t wire_type = *tag & 7;
    const std::optional<std::string_view> value = ReadValue(reader, wire_type);
    if (!value) return Malformed();
    if (*tag >> 3 != number) continue;
    if (wire_type != kBytes) return InvalidField(path, "has the wrong wire type");
    if (found) return InvalidField(path, "is given more than once");
    found = value;
  }
  return found.value_or(std::string_view());
}

}  // namespace

absl::StatusOr<std::string_view> ScanString(std::string_view message, const FieldPath& path) {
  for (const int number : path.numbers) {
    const absl::StatusOr<std::string_view> inner =
        FindField(message, static_cast<uint32_t>(number), path.text);
    if (!inner.ok()) return inner.status();
    message = *inner;
  }
  return message;
}

}  // namespace stackyard::gateway
