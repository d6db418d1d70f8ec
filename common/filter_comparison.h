// One comparison of a filter: `path comparator value` over messages of one type. Of filter.h's
// making; nothing else needs it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "common/filter_hints.h"
#include "common/filter_syntax.h"
#include "common/status.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "google/protobuf/struct.pb.h"

namespace stackyard {

class Comparison {
 public:
  // Gives a kTest node with a path its meaning. Null when it has none; why is in `faults` then.
  static std::optional<Comparison> Make(std::string_view filter, const filter_syntax::Node& node,
                                        const google::protobuf::Descriptor* type,
                                        Violations& faults);

  // Whether a value at the path compares as asked. Without a value nothing matches, not even !=.
  bool Matches(const google::protobuf::Message& message) const { return In(message, 0); }

  // The number that `field = NAME` asks for; null for any other comparison.
  std::optional<int> EnumValueOf(std::string_view field) const;

  // What holds, all of it, for every message that matches.
  std::vector<FilterHint> Hints() const;

 private:
  // From a message into a field (`key` unused), from a map into the value of `key` (`field` is
  // the entry's value), or from a Struct into that of `key` (`field` is null).
  struct Step {
    const google::protobuf::FieldDescriptor* field = nullptr;
    std::string key;
    bool in_map = false;
  };
  // A value of the message: a field, or an element of a repeated one.
  struct Place {
    const google::protobuf::Message& message;
    const google::protobuf::FieldDescriptor* field;
    int index = -1;
  };
  // What a text is compared with, its outer stars taken off.
  struct Pattern {
    std::string text;
    bool any_start = false;
    bool any_end = false;
    // As in the filter.
    std::string literal;
    bool contains = false;
  };
  // A google.protobuf.Value has its type only when it is there: what the text can stand for.
  struct Dynamic {
    Pattern text;
    std::optional<long double> number;
    std::optional<bool> boolean;
    bool null = false;
  };
  struct Present {};
  // An enum's number; not an int, which a number could be taken for.
  struct EnumNumber {
    int number;
  };
  // int64, uint64 and double all fit a long double exactly.
  using Value = std::variant<Present, bool, long double, EnumNumber, Pattern, absl::Time,
                             absl::Duration, Dynamic>;
  class Maker;

  std::vector<FilterHint> TimeHints(FilterHint hint, absl::Time time) const;
  bool In(const google::protobuf::Message& message, size_t step) const;
  bool At(const Place& place, size_t step) const;
  bool InDynamic(const google::protobuf::Message& message, size_t step) const;
  bool InValue(const google::protobuf::Value& value, size_t step) const;
  bool InStruct(const google::protobuf::Struct& value, size_t step) const;
  bool Compare(const Place& place) const;
  bool CompareDynamic(const google::protobuf::Value& value) const;
  bool CompareText(const std::string& text, const Pattern& pattern) const;
  template <typename T>
  bool Ordered(const T& left, const T& right) const;

  filter_syntax::Comparator comparator_ = filter_syntax::Comparator::kNone;
  std::vector<Step> steps_;
  Value value_;
};

// The text contains the other, whatever the case of ASCII letters.
bool ContainsIgnoringCase(std::string_view text, std::string_view part);

}  // namespace stackyard
