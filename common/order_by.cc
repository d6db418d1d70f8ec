#include "common/order_by.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/field_path.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace stackyard {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DynamicCastToGenerated;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr size_t kMaxKeys = 8;
constexpr size_t kMaxPath = 32;
constexpr std::string_view kSpaces = " \t\r\n\v\f";

using Path = std::vector<const FieldDescriptor*>;

bool IsTime(const FieldDescriptor* field) {
  if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return false;
  const auto type = field->message_type()->well_known_type();
  return type == Descriptor::WELLKNOWNTYPE_TIMESTAMP || type == Descriptor::WELLKNOWNTYPE_DURATION;
}

// Resolves `a.b.c`; on failure an empty path, and `what` and `offset` (in `name`) say why.
Path Resolve(std::string_view name, const Descriptor* type, std::string& what, size_t& offset) {
  Path path;
  offset = 0;
  while (true) {
    const size_t dot = name.find('.', offset);
    const std::string_view part = name.substr(offset, dot - offset);
    const FieldDescriptor* field = FindField(type, part);
    if (field == nullptr) {
      what = absl::StrCat("expected ", FieldNames(type), ", found ", Quoted(part));
      return {};
    }
    path.push_back(field);
    const bool ends = dot == name.npos;
    const bool message = field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    // Well-known types are values; Structs among them have no order.
    const bool inner = message && field->message_type()->well_known_type() ==
                                      Descriptor::WELLKNOWNTYPE_UNSPECIFIED;
    const bool ordered = message ? IsTime(field) : field->type() != FieldDescriptor::TYPE_BYTES;
    if (field->is_repeated() || !(ends ? ordered : inner) || path.size() > kMaxPath) {
      what =
          absl::StrCat("expected a field with one value that has an order, found ", Quoted(name));
      return {};
    }
    if (ends) return path;
    type = field->message_type();
    offset = dot + 1;
  }
}

template <typename T>
int Sign(const T& left, const T& right) {
  return left < right ? -1 : right < left ? 1 : 0;
}

// NaN is less than all numbers, so that the order stays one.
int SignOfDoubles(double left, double right) {
  if (std::isnan(left) || std::isnan(right)) return Sign(!std::isnan(left), !std::isnan(right));
  return Sign(left, right);
}

int CompareField(const Message& left, const Message& right, const FieldDescriptor* field) {
  const Reflection* reflection = left.GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return Sign(reflection->GetBool(left, field), reflection->GetBool(right, field));
    case FieldDescriptor::CPPTYPE_INT32:
      return Sign(reflection->GetInt32(left, field), reflection->GetInt32(right, field));
    case FieldDescriptor::CPPTYPE_INT64:
      return Sign(reflection->GetInt64(left, field), reflection->GetInt64(right, field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return Sign(reflection->GetUInt32(left, field), reflection->GetUInt32(right, field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return Sign(reflection->GetUInt64(left, field), reflection->GetUInt64(right, field));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return SignOfDoubles(reflection->GetFloat(left, field), reflection->GetFloat(right, field));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return SignOfDoubles(reflection->GetDouble(left, field), reflection->GetDouble(right, field));
    case FieldDescriptor::CPPTYPE_ENUM:
      return Sign(reflection->GetEnumValue(left, field), reflection->GetEnumValue(right, field));
    case FieldDescriptor::CPPTYPE_STRING:
      return Sign(reflection->GetString(left, field), reflection->GetString(right, field));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
  const Message& a = reflection->GetMessage(left, field);
  const Message& b = reflection->GetMessage(right, field);
  const auto* start = DynamicCastToGenerated<google::protobuf::Timestamp>(&a);
  const auto* end = DynamicCastToGenerated<google::protobuf::Timestamp>(&b);
  if (start != nullptr && end != nullptr) return Sign(FromProto(*start), FromProto(*end));
  const auto* less = DynamicCastToGenerated<google::protobuf::Duration>(&a);
  const auto* more = DynamicCastToGenerated<google::protobuf::Duration>(&b);
  return less != nullptr && more != nullptr ? Sign(FromProto(*less), FromProto(*more)) : 0;
}

int ComparePath(const Message& left, const Message& right, const Path& path) {
  const Message* a = &left;
  const Message* b = &right;
  for (const FieldDescriptor* field : path) {
    const Reflection* reflection = a->GetReflection();
    if (field->has_presence()) {
      const bool has_a = reflection->HasField(*a, field);
      const bool has_b = reflection->HasField(*b, field);
      if (!has_a || !has_b) return Sign(has_a, has_b);
    }
    if (field == path.back()) return CompareField(*a, *b, field);
    a = &reflection->GetMessage(*a, field);
    b = &reflection->GetMessage(*b, field);
  }
  return 0;
}

}  // namespace

absl::StatusOr<OrderBy> OrderBy::Parse(std::string_view text, const Descriptor* type) {
  OrderBy order;
  RETURN_IF_ERROR(CheckFieldText("order_by", text));
  if (text.find_first_not_of(kSpaces) == text.npos) return order;
  order.type_ = type;
  Violations faults;
  const auto fault = [&](size_t offset, std::string_view what) {
    faults.Add("order_by", DescribeAt(text, offset, what));
  };
  size_t count = 0;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    if (++count > kMaxKeys) {
      fault(begin, absl::StrCat("expected at most ", kMaxKeys, " fields"));
      break;
    }
    const std::string_view part = text.substr(0, end);
    const size_t name = std::min(part.find_first_not_of(kSpaces, begin), end);
    const size_t name_end = std::min(part.find_first_of(kSpaces, name), end);
    const size_t rest = std::min(part.find_first_not_of(kSpaces, name_end), end);
    const std::string_view suffix =
        part.substr(rest, rest == end ? 0 : part.find_last_not_of(kSpaces) + 1 - rest);
    begin = end + 1;
    if (name == end) {
      fault(name, "expected a field");
      continue;
    }
    if (!suffix.empty() && suffix != "desc") {
      fault(rest, absl::StrCat("expected \"desc\", a comma or the end, found ", Quoted(suffix)));
      continue;
    }
    std::string what;
    size_t offset = 0;
    Key key;
    key.path = Resolve(part.substr(name, name_end - name), type, what, offset);
    if (key.path.empty()) {
      fault(name + offset, what);
      continue;
    }
    key.descending = !suffix.empty();
    key.name = absl::StrJoin(key.path, ".", [](std::string* out, const FieldDescriptor* field) {
      out->append(field->name());
    });
    if (std::any_of(order.keys_.begin(), order.keys_.end(),
                    [&](const Key& other) { return other.name == key.name; })) {
      fault(name, absl::StrCat("expected each field once, found ", Quoted(key.name), " again"));
      continue;
    }
    order.keys_.push_back(std::move(key));
  }
  RETURN_IF_ERROR(faults.ToStatus());
  return order;
}

bool OrderBy::Less(const Message& left, const Message& right) const {
  if (left.GetDescriptor() != type_ || right.GetDescriptor() != type_) return false;
  for (const Key& key : keys_) {
    const int order = ComparePath(left, right, key.path);
    if (order != 0) return key.descending ? order > 0 : order < 0;
  }
  return false;
}

std::vector<std::pair<std::string, bool>> OrderBy::fields() const {
  std::vector<std::pair<std::string, bool>> fields;
  for (const Key& key : keys_) fields.emplace_back(key.name, key.descending);
  return fields;
}

}  // namespace stackyard
