// What a comparison's path and value mean for a message type.
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/field_path.h"
#include "common/filter_comparison.h"

namespace stackyard {
namespace {

using filter_syntax::Comparator;
using filter_syntax::Word;
using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;

Descriptor::WellKnownType WellKnown(const FieldDescriptor* field) {
  return field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE
             ? field->message_type()->well_known_type()
             : Descriptor::WELLKNOWNTYPE_UNSPECIFIED;
}

// Integers and decimals with an optional exponent; no "inf" and no "nan".
std::optional<long double> ReadNumber(const std::string& text) {
  int64_t integer = 0;
  if (absl::SimpleAtoi(text, &integer)) return integer;
  uint64_t large = 0;
  if (absl::SimpleAtoi(text, &large)) return large;
  double number = 0;
  if (text.find_first_not_of("+-.0123456789eE") != text.npos || !absl::SimpleAtod(text, &number) ||
      !std::isfinite(number)) {
    return std::nullopt;
  }
  return number;
}

std::optional<bool> ReadBool(const std::string& text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return std::nullopt;
}

std::optional<absl::Time> ReadTime(const std::string& text) {
  absl::Time time;
  std::string error;
  // absl also knows "infinite-future", which begins with no digit.
  if (text.empty() || !absl::ascii_isdigit(static_cast<unsigned char>(text[0])) ||
      !absl::ParseTime(absl::RFC3339_full, text, &time, &error)) {
    return std::nullopt;
  }
  return time;
}

// Seconds with an optional fraction: absl's other units are not AIP-160's.
std::optional<absl::Duration> ReadDuration(const std::string& text) {
  absl::Duration duration;
  absl::string_view digits = text;
  if (!absl::ConsumeSuffix(&digits, "s") ||
      digits.find_first_not_of("-.0123456789") != digits.npos ||
      !absl::ParseDuration(text, &duration)) {
    return std::nullopt;
  }
  return duration;
}

std::string EnumNames(const EnumDescriptor* type) {
  std::string names;
  for (int i = 0; i < type->value_count(); ++i) {
    absl::StrAppend(&names, i == 0 ? "one of " : ", ", type->value(i)->name());
  }
  return names;
}

}  // namespace

class Comparison::Maker {
 public:
  Maker(std::string_view filter, const filter_syntax::Node& node, Violations& faults)
      : filter_(filter), node_(node), faults_(faults) {}

  std::optional<Comparison> Make(const Descriptor* type) {
    made_.comparator_ = node_.comparator;
    type_ = type;
    for (const Word& name : node_.path) {
      if (!Follow(name)) return std::nullopt;
    }
    if (repeated_ && node_.comparator != Comparator::kHas) {
      return Fault(node_.path.back(),
                   absl::StrCat("expected \":\" after ", Path(), ", which has many values"));
    }
    if (!ReadValue()) return std::nullopt;
    return std::move(made_);
  }

 private:
  enum class Inside { kMessage, kMap, kDynamic, kNothing };

  // Takes the path one name further.
  bool Follow(const Word& name) {
    switch (inside_) {
      case Inside::kNothing:
        Fault(name, absl::StrCat("expected a comparison, for ", last_->name(), " has no fields"));
        return false;
      case Inside::kDynamic:
        made_.steps_.push_back({nullptr, name.text});
        return true;
      case Inside::kMap:
        return FollowKey(name);
      case Inside::kMessage:
        break;
    }
    const FieldDescriptor* field = FindField(type_, name.text);
    if (field == nullptr) {
      Fault(name, absl::StrCat("expected ", FieldNames(type_), ", found ", Quoted(name.text)));
      return false;
    }
    made_.steps_.push_back({field});
    if (field->is_map()) {
      last_ = field;
      inside_ = Inside::kMap;
      return true;
    }
    repeated_ = repeated_ || field->is_repeated();
    Enter(field);
    return true;
  }

  bool FollowKey(const Word& key) {
    const Descriptor* entry = last_->message_type();
    if (entry->map_key()->cpp_type() != FieldDescriptor::CPPTYPE_STRING) {
      Fault(key, absl::StrCat(last_->name(), " cannot be searched, for its keys are no strings"));
      return false;
    }
    in_map_ = true;
    made_.steps_.push_back({entry->map_value(), key.text, /*in_map=*/true});
    Enter(entry->map_value());
    return true;
  }

  void Enter(const FieldDescriptor* field) {
    last_ = field;
    inside_ = Inside::kNothing;
    switch (WellKnown(field)) {
      case Descriptor::WELLKNOWNTYPE_STRUCT:
      case Descriptor::WELLKNOWNTYPE_VALUE:
      case Descriptor::WELLKNOWNTYPE_LISTVALUE:
        inside_ = Inside::kDynamic;
        return;
      case Descriptor::WELLKNOWNTYPE_TIMESTAMP:
      case Descriptor::WELLKNOWNTYPE_DURATION:
        return;
      default:
        break;
    }
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      inside_ = Inside::kMessage;
      type_ = field->message_type();
    }
  }

  bool ReadValue() {
    if (node_.comparator == Comparator::kHas && node_.value.IsStar()) {
      made_.value_ = Present{};
      return true;
    }
    const bool at_struct = made_.steps_.back().field != nullptr && inside_ == Inside::kDynamic &&
                           WellKnown(last_) == Descriptor::WELLKNOWNTYPE_STRUCT;
    if (inside_ == Inside::kMap || at_struct) return ReadKey();
    if (inside_ == Inside::kDynamic) return ReadDynamic();
    switch (last_->cpp_type()) {
      case FieldDescriptor::CPPTYPE_BOOL:
        return Unordered() && Take(ReadBool(node_.value.text), "true or false");
      case FieldDescriptor::CPPTYPE_ENUM:
        return Unordered() && ReadEnum();
      case FieldDescriptor::CPPTYPE_STRING:
        if (last_->type() == FieldDescriptor::TYPE_BYTES) return Only(":*");
        made_.value_ = PatternOf(node_.value, !repeated_ && !in_map_);
        return true;
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return ReadTimes();
      case FieldDescriptor::CPPTYPE_FLOAT:
        return Take(Rounded(ReadNumber(node_.value.text)), "a number");
      default:
        return Take(ReadNumber(node_.value.text), "a number");
    }
  }

  // `labels:team` asks for the key, as `labels.team:*` does.
  bool ReadKey() {
    if (node_.comparator != Comparator::kHas) {
      Fault(node_.path.back(),
            absl::StrCat("expected \":\" or a key after ", Path(), ", such as ", Path(), ".key"));
      return false;
    }
    if (!Follow(node_.value)) return false;
    made_.value_ = Present{};
    return true;
  }

  bool ReadDynamic() {
    if (made_.steps_.back().field != nullptr &&
        WellKnown(last_) == Descriptor::WELLKNOWNTYPE_LISTVALUE &&
        node_.comparator != Comparator::kHas) {
      return Only(":");
    }
    Dynamic value;
    value.text = PatternOf(node_.value, false);
    // In quotes it can only be a string.
    if (!node_.value.quoted) {
      value.number = ReadNumber(node_.value.text);
      value.boolean = ReadBool(node_.value.text);
      value.null = node_.value.text == "null";
      if ((value.boolean || value.null) && !Unordered()) return false;
    }
    made_.value_ = std::move(value);
    return true;
  }

  bool ReadEnum() {
    const auto* value = last_->enum_type()->FindValueByName(node_.value.text);
    if (value == nullptr) return Wrong(EnumNames(last_->enum_type()));
    made_.value_ = EnumNumber{value->number()};
    return true;
  }

  bool ReadTimes() {
    switch (WellKnown(last_)) {
      case Descriptor::WELLKNOWNTYPE_TIMESTAMP:
        return Take(ReadTime(node_.value.text),
                    "an RFC 3339 time such as \"2024-05-31T12:00:00Z\"");
      case Descriptor::WELLKNOWNTYPE_DURATION:
        return Take(ReadDuration(node_.value.text), "a duration in seconds such as 3600s");
      default:
        return Only(":* or a field of it");
    }
  }

  static Pattern PatternOf(const Word& word, bool contains) {
    Pattern pattern;
    pattern.literal = word.text;
    pattern.contains = contains;
    pattern.any_start = word.star_first;
    pattern.any_end = word.star_last;
    absl::string_view text = word.text;
    if (word.star_first) text.remove_prefix(1);
    if (word.star_last && !text.empty()) text.remove_suffix(1);
    pattern.text = std::string(text);
    return pattern;
  }

  // A float is not the double that was written: 0.1 has to find 0.1f.
  static std::optional<long double> Rounded(std::optional<long double> number) {
    if (!number || std::abs(*number) > std::numeric_limits<float>::max()) return number;
    return static_cast<float>(*number);
  }

  template <typename T>
  bool Take(std::optional<T> value, std::string_view wanted) {
    if (!value) return Wrong(wanted);
    made_.value_ = *value;
    return true;
  }

  bool Unordered() {
    if (node_.comparator == Comparator::kHas || node_.comparator == Comparator::kEqual ||
        node_.comparator == Comparator::kNotEqual) {
      return true;
    }
    return Only("=, != or :");
  }

  bool Only(std::string_view wanted) {
    Fault(node_.path.back(),
          absl::StrCat("expected ", std::string(wanted), " after ", Path(), ", found \"",
                       std::string(ToString(node_.comparator)), "\""));
    return false;
  }

  bool Wrong(std::string_view wanted) {
    Fault(node_.value, absl::StrCat("expected ", std::string(wanted), " for ", Path(), ", found ",
                                    Quoted(node_.value.text)));
    return false;
  }

  std::nullopt_t Fault(const Word& at, std::string_view what) {
    faults_.Add("filter", DescribeAt(filter_, at.offset, what));
    return std::nullopt;
  }

  // The path for an error; a long one is cut.
  std::string Path() const {
    const std::string path = absl::StrJoin(
        node_.path, ".", [](std::string* out, const Word& word) { out->append(word.text); });
    const std::string quoted = Quoted(path);
    return quoted.substr(1, quoted.size() - 2);
  }

  const std::string_view filter_;
  const filter_syntax::Node& node_;
  Violations& faults_;
  Comparison made_;
  // Where the path has come to: the message to look in, the last field, and what it is.
  const Descriptor* type_ = nullptr;
  const FieldDescriptor* last_ = nullptr;
  Inside inside_ = Inside::kMessage;
  bool repeated_ = false;
  bool in_map_ = false;
};

std::optional<Comparison> Comparison::Make(std::string_view filter, const filter_syntax::Node& node,
                                           const Descriptor* type, Violations& faults) {
  return Maker(filter, node, faults).Make(type);
}

}  // namespace stackyard
