// The grammar of AIP-160 filters: text to tree. It knows nothing of messages; filter.h gives the
// tree a meaning.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace stackyard::filter_syntax {

// Parentheses within parentheses, at most.
inline constexpr int kMaxDepth = 50;
// Tests and literals in one filter, at most: each costs a look at every message.
inline constexpr int kMaxTests = 200;
// Names in one path, at most.
inline constexpr size_t kMaxPath = 32;

// A word, or a string without its quotes and escapes.
struct Word {
  std::string text;
  bool quoted = false;
  // It begins or ends with a `*` that was not escaped; `text` still has it.
  bool star_first = false;
  bool star_last = false;
  // Byte of the filter that it begins at.
  size_t offset = 0;

  bool IsStar() const { return star_first && text.size() == 1; }
};

enum class Comparator {
  kNone,
  kHas,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual
};

// The comparator as it is written.
std::string_view ToString(Comparator comparator);

struct Node {
  enum class Kind { kAnd, kOr, kNot, kTest };
  Kind kind = Kind::kTest;
  // Of kAnd and kOr two or more, of kNot one.
  std::vector<Node> children;
  // Of kTest: `path comparator value`; with kNone a bare literal, and `value` is all of it.
  std::vector<Word> path;
  Comparator comparator = Comparator::kNone;
  Word value;
};

// Parses a filter that is UTF-8 and not blank. INVALID_FIELD on `filter`, with the position and
// what was expected there.
absl::StatusOr<Node> Parse(std::string_view text);

}  // namespace stackyard::filter_syntax
