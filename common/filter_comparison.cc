#include "common/filter_comparison.h"

#include <algorithm>
#include <cfloat>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "common/proto_time.h"

namespace stackyard {
namespace {

using filter_syntax::Comparator;
using google::protobuf::DynamicCastToGenerated;
using google::protobuf::FieldDescriptor;
using google::protobuf::ListValue;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::Struct;

static_assert(LDBL_MANT_DIG >= 64, "comparisons of int64 with double would round");

const Message& MessageAt(const Message& message, const FieldDescriptor* field, int index) {
  const Reflection* reflection = message.GetReflection();
  return index < 0 ? reflection->GetMessage(message, field)
                   : reflection->GetRepeatedMessage(message, field, index);
}

// The getter of a type, for a field or an element of a repeated one.
#define STACKYARD_GET(type)                                            \
  (place.index < 0 ? reflection->Get##type(place.message, place.field) \
                   : reflection->GetRepeated##type(place.message, place.field, place.index))

}  // namespace

bool ContainsIgnoringCase(std::string_view text, std::string_view part) {
  return std::search(text.begin(), text.end(), part.begin(), part.end(),
                     [](char a, char b) {
                       return absl::ascii_tolower(static_cast<unsigned char>(a)) ==
                              absl::ascii_tolower(static_cast<unsigned char>(b));
                     }) != text.end() ||
         part.empty();
}

std::optional<int> Comparison::EnumValueOf(std::string_view field) const {
  const EnumNumber* value = std::get_if<EnumNumber>(&value_);
  if (value == nullptr || comparator_ == Comparator::kNotEqual || steps_.size() != 1 ||
      steps_[0].field->is_repeated() || steps_[0].field->name() != field) {
    return std::nullopt;
  }
  return value->number;
}

std::vector<FilterHint> Comparison::Hints() const {
  FilterHint hint;
  for (const Step& step : steps_) {
    // Of lists, Structs and what is within a map's value nothing is said.
    if (step.field == nullptr || hint.in_map) return {};
    if (step.in_map) {
      hint.in_map = true;
      hint.key = step.key;
      continue;
    }
    if (step.field->is_repeated() && !step.field->is_map()) return {};
    hint.path += hint.path.empty() ? "" : ".";
    hint.path += step.field->name();
  }
  if (steps_.back().field->is_map()) return {};
  if (const auto* number = std::get_if<EnumNumber>(&value_)) {
    if (comparator_ == Comparator::kNotEqual) return {};
    hint.value = number->number;
  } else if (const auto* pattern = std::get_if<Pattern>(&value_)) {
    const bool whole = comparator_ == Comparator::kEqual ||
                       (comparator_ == Comparator::kHas && !pattern->contains);
    if (!whole || pattern->any_start) return {};
    hint.kind = pattern->any_end ? FilterHint::Kind::kPrefix : FilterHint::Kind::kEqual;
    hint.value = pattern->text;
  } else if (std::holds_alternative<Present>(value_)) {
    if (!hint.in_map) return {};
    hint.kind = FilterHint::Kind::kPresent;
  } else if (const auto* time = std::get_if<absl::Time>(&value_)) {
    return TimeHints(hint, *time);
  } else {
    return {};
  }
  return {hint};
}

std::vector<FilterHint> Comparison::TimeHints(FilterHint hint, absl::Time time) const {
  if (comparator_ == Comparator::kNotEqual) return {};
  hint.value = time;
  std::vector<FilterHint> hints;
  if (comparator_ != Comparator::kGreater && comparator_ != Comparator::kGreaterEqual) {
    hint.kind = FilterHint::Kind::kAtMost;
    hints.push_back(hint);
  }
  if (comparator_ != Comparator::kLess && comparator_ != Comparator::kLessEqual) {
    hint.kind = FilterHint::Kind::kAtLeast;
    hints.push_back(hint);
  }
  return hints;
}

bool Comparison::In(const Message& message, size_t step) const {
  const FieldDescriptor* field = steps_[step].field;
  const Reflection* reflection = message.GetReflection();
  if (field->is_repeated()) {
    const int size = reflection->FieldSize(message, field);
    for (int i = 0; i < size; ++i) {
      if (At({message, field, i}, step)) return true;
    }
    return false;
  }
  // The value of a map's entry is always there.
  const bool unset =
      !steps_[step].in_map && field->has_presence() && !reflection->HasField(message, field);
  return !unset && At({message, field}, step);
}

bool Comparison::At(const Place& place, size_t step) const {
  if (step + 1 == steps_.size()) return Compare(place);
  const Message& message = MessageAt(place.message, place.field, place.index);
  const Step& next = steps_[step + 1];
  if (next.field == nullptr) return InDynamic(message, step + 1);
  if (next.in_map) {
    const FieldDescriptor* key = place.field->message_type()->map_key();
    std::string scratch;
    if (message.GetReflection()->GetStringReference(message, key, &scratch) != next.key) {
      return false;
    }
  }
  return In(message, step + 1);
}

bool Comparison::InDynamic(const Message& message, size_t step) const {
  if (const auto* fields = DynamicCastToGenerated<Struct>(&message)) {
    return InStruct(*fields, step);
  }
  if (const auto* value = DynamicCastToGenerated<google::protobuf::Value>(&message)) {
    return InValue(*value, step);
  }
  const auto* list = DynamicCastToGenerated<ListValue>(&message);
  return list != nullptr && std::any_of(list->values().begin(), list->values().end(),
                                        [&](const auto& value) { return InValue(value, step); });
}

bool Comparison::InStruct(const Struct& value, size_t step) const {
  const auto found = value.fields().find(steps_[step].key);
  return found != value.fields().end() && InValue(found->second, step + 1);
}

bool Comparison::InValue(const google::protobuf::Value& value, size_t step) const {
  if (step == steps_.size() && std::holds_alternative<Present>(value_)) return true;
  if (value.has_list_value()) {
    // As with repeated fields, only `:` looks into a list. A list is not equal to any one value.
    if (comparator_ != Comparator::kHas) {
      return comparator_ == Comparator::kNotEqual && step == steps_.size();
    }
    return InDynamic(value.list_value(), step);
  }
  if (step == steps_.size()) return CompareDynamic(value);
  return value.has_struct_value() && InStruct(value.struct_value(), step);
}

bool Comparison::CompareDynamic(const google::protobuf::Value& value) const {
  const Dynamic& wanted = std::get<Dynamic>(value_);
  switch (value.kind_case()) {
    case google::protobuf::Value::kNumberValue:
      if (wanted.number) {
        return Ordered(static_cast<long double>(value.number_value()), *wanted.number);
      }
      break;
    case google::protobuf::Value::kBoolValue:
      if (wanted.boolean) return Ordered(value.bool_value(), *wanted.boolean);
      break;
    case google::protobuf::Value::kStringValue:
      return CompareText(value.string_value(), wanted.text);
    case google::protobuf::Value::kNullValue:
    case google::protobuf::Value::KIND_NOT_SET:
      if (wanted.null) return comparator_ != Comparator::kNotEqual;
      break;
    case google::protobuf::Value::kStructValue:
    case google::protobuf::Value::kListValue:
      break;
  }
  // A value of another type is not equal, and neither less nor more.
  return comparator_ == Comparator::kNotEqual;
}

bool Comparison::CompareText(const std::string& text, const Pattern& pattern) const {
  if (comparator_ == Comparator::kHas && pattern.contains) {
    return ContainsIgnoringCase(text, pattern.text);
  }
  if (comparator_ == Comparator::kHas || comparator_ == Comparator::kEqual ||
      comparator_ == Comparator::kNotEqual) {
    const bool same = pattern.any_start && pattern.any_end ? absl::StrContains(text, pattern.text)
                      : pattern.any_start                  ? absl::EndsWith(text, pattern.text)
                      : pattern.any_end                    ? absl::StartsWith(text, pattern.text)
                                                           : text == pattern.text;
    return same == (comparator_ != Comparator::kNotEqual);
  }
  return Ordered(text, pattern.literal);
}

bool Comparison::Compare(const Place& place) const {
  const Reflection* reflection = place.message.GetReflection();
  if (std::holds_alternative<Present>(value_)) {
    // What has no presence is there when it is not the default.
    return place.index >= 0 || steps_.back().in_map || place.field->has_presence() ||
           reflection->HasField(place.message, place.field);
  }
  switch (place.field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return Ordered(STACKYARD_GET(Bool), std::get<bool>(value_));
    case FieldDescriptor::CPPTYPE_INT32:
      return Ordered<long double>(STACKYARD_GET(Int32), std::get<long double>(value_));
    case FieldDescriptor::CPPTYPE_INT64:
      return Ordered<long double>(STACKYARD_GET(Int64), std::get<long double>(value_));
    case FieldDescriptor::CPPTYPE_UINT32:
      return Ordered<long double>(STACKYARD_GET(UInt32), std::get<long double>(value_));
    case FieldDescriptor::CPPTYPE_UINT64:
      return Ordered<long double>(STACKYARD_GET(UInt64), std::get<long double>(value_));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return Ordered<long double>(STACKYARD_GET(Float), std::get<long double>(value_));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return Ordered<long double>(STACKYARD_GET(Double), std::get<long double>(value_));
    case FieldDescriptor::CPPTYPE_ENUM:
      return Ordered(STACKYARD_GET(EnumValue), std::get<EnumNumber>(value_).number);
    case FieldDescriptor::CPPTYPE_STRING:
      return CompareText(STACKYARD_GET(String), std::get<Pattern>(value_));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
  const Message& message = MessageAt(place.message, place.field, place.index);
  if (const auto* time = DynamicCastToGenerated<google::protobuf::Timestamp>(&message)) {
    return Ordered(FromProto(*time), std::get<absl::Time>(value_));
  }
  if (const auto* duration = DynamicCastToGenerated<google::protobuf::Duration>(&message)) {
    return Ordered(FromProto(*duration), std::get<absl::Duration>(value_));
  }
  return InDynamic(message, steps_.size());
}

template <typename T>
bool Comparison::Ordered(const T& left, const T& right) const {
  switch (comparator_) {
    case Comparator::kNone:
      return false;
    case Comparator::kHas:
    case Comparator::kEqual:
      return left == right;
    case Comparator::kNotEqual:
      return left != right;
    case Comparator::kLess:
      return left < right;
    case Comparator::kLessEqual:
      return left <= right;
    case Comparator::kGreater:
      return left > right;
    case Comparator::kGreaterEqual:
      return left >= right;
  }
  return false;
}

}  // namespace stackyard
