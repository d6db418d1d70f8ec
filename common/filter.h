// Filters of List methods, https://google.aip.dev/160, over the fields of a message:
//
//   state = READY AND (labels.team = "web" OR creator = users/ada) -lease.extended = true
//
// - `a AND b`, `a OR b`, `NOT a`, `-a`, parentheses; `a b` is `a AND b`. OR binds tighter than AND.
// - Fields by path, in snake_case or lowerCamelCase; the keys of maps and of Structs are parts of
//   the path, in quotes where they hold signs: labels."a.b".
// - `=` `!=` `<` `<=` `>` `>=` on numbers, strings (by bytes), times (RFC 3339, quoted or not)
//   and durations (90s, 1.5s); `=` and `!=` on booleans (true, false) and enums (by name). With
//   `=` and `!=` a string may begin or end with `*`, which stands for any text; `\*` is a star.
// - `:` asks what a field has: `field:*` that it is set (a map or list: not empty), `labels:team`
//   that a map or Struct has the key, `list:x` and `list.field:x` that one element is equal to x,
//   `text:x` that a string contains x, whatever the case. Lists take no other comparator.
// - Values in a Struct are compared with what they are; an unquoted 3, true or null is a number, a
//   boolean, null, or a string of that text, a quoted one only a string.
// - Where the path leads to no value (an unset message, a missing key) no comparison holds, not
//   even `!=`; `NOT a = b` does.
// - A value alone (`web`, "a b") is looked for in all strings of the message, keys and values of
//   maps included, whatever the case of ASCII letters.
// - Fields marked (stackyard.v1.secret) are neither found by name nor looked into. A caller that
//   hides other values has to hide them before it matches.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/filter_hints.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

namespace stackyard {

// Immutable, cheap to copy, safe to share between threads.
class Filter {
 public:
  // Matches everything.
  Filter() = default;

  // A blank text matches everything. Errors: INVALID_FIELD on `filter` for a text of more than
  // 4096 bytes or that is not UTF-8, more than 50 nested parentheses or 200 comparisons, and for
  // what does not parse or does not fit the type; each fault tells where and what was expected.
  static absl::StatusOr<Filter> Parse(std::string_view text,
                                      const google::protobuf::Descriptor* type);

  // False for a message that is not of the type.
  bool Matches(const google::protobuf::Message& message) const;

  bool empty() const { return root_ == nullptr; }

  // When only messages with one value of a top-level enum field can match (`state = READY AND
  // …`), that value's number. `field` is in snake_case. A store may use it to read fewer rows;
  // Matches still has to be asked.
  std::optional<int> PinnedEnum(std::string_view field) const;

  // What holds for every message that matches, see filter_hints.h. Also to read fewer rows.
  FilterHints Hints() const;

 private:
  struct Node;
  class Builder;

  static bool Matches(const Node& node, const google::protobuf::Message& message);
  static std::optional<int> PinnedEnum(const Node& node, std::string_view field);
  static void AddHints(const Node& node, FilterHints& hints);

  const google::protobuf::Descriptor* type_ = nullptr;
  std::shared_ptr<const Node> root_;
};

}  // namespace stackyard
