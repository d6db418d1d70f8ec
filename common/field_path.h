// What the texts that name fields of a message (filter, order_by) have in common.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "google/protobuf/descriptor.h"

namespace stackyard {

// Longest text of a filter or an order, in bytes.
inline constexpr size_t kMaxFieldText = 4096;

// The field called `name` in snake_case or lowerCamelCase; null when there is none, or when it
// holds a secret: what a client may not read, it may not search for either.
const google::protobuf::FieldDescriptor* FindField(const google::protobuf::Descriptor* type,
                                                   std::string_view name);

// The option (stackyard.v1.secret).
bool IsSecret(const google::protobuf::FieldDescriptor* field);

// `one of a, b, c`, for errors: the fields that FindField finds.
std::string FieldNames(const google::protobuf::Descriptor* type);

// The text in quotes for use in an error: cut after some 40 bytes, without control characters.
std::string Quoted(std::string_view text);

// `at character 7: <what>`. `offset` is a byte of `text`, 0 to its size; the number told is of
// characters, from 1.
std::string DescribeAt(std::string_view text, size_t offset, std::string_view what);

// INVALID_FIELD on `field` with the text of DescribeAt.
absl::Status ErrorAt(std::string_view field, std::string_view text, size_t offset,
                     std::string_view what);

// INVALID_FIELD on `field` when the text is longer than kMaxFieldText or not UTF-8.
absl::Status CheckFieldText(std::string_view field, std::string_view text);

}  // namespace stackyard
