#include "services/runner/wire_fields.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include "common/status_macros.h"

namespace stackyard::runner {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

bool ReadValue(CodedInputStream& input, std::string_view message, uint32_t tag, WireField& field) {
  field.number = WireFormatLite::GetTagFieldNumber(tag);
  switch (WireFormatLite::GetTagWireType(tag)) {
    case WireFormatLite::WIRETYPE_VARINT:
      return input.ReadVarint64(&field.value);
    case WireFormatLite::WIRETYPE_FIXED64:
      return input.ReadLittleEndian64(&field.value);
    case WireFormatLite::WIRETYPE_FIXED32: {
      uint32_t value = 0;
      const bool read = input.ReadLittleEndian32(&value);
      field.value = value;
      return read;
    }
    case WireFormatLite::WIRETYPE_LENGTH_DELIMITED: {
      uint32_t size = 0;
      if (!input.ReadVarint32(&size)) return false;
      const size_t start = static_cast<size_t>(input.CurrentPosition());
      if (size > message.size() - start) return false;
      field.is_bytes = true;
      field.bytes = message.substr(start, size);
      return input.Skip(static_cast<int>(size));
    }
    default:
      return false;
  }
}

}  // namespace

absl::Status ForEachField(std::string_view message,
                          const std::function<absl::Status(const WireField& field)>& take) {
  constexpr size_t kMost = INT32_MAX;
  if (message.size() > kMost) return absl::DataLossError("a message of more than 2 GiB");
  CodedInputStream input(reinterpret_cast<const uint8_t*>(message.data()),
                         static_cast<int>(message.size()));
  while (static_cast<size_t>(input.CurrentPosition()) < message.size()) {
    WireField field;
    const uint32_t tag = input.ReadTag();
    if (tag == 0 || !ReadValue(input, message, tag, field)) {
      return absl::DataLossError("bytes that are no protobuf message");
    }
    RETURN_IF_ERROR(take(field));
  }
  return absl::OkStatus();
}

}  // namespace stackyard::runner
