// Cuts HCL into tokens.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace stackyard::runner {

struct HclToken {
  enum class Kind { kEnd, kNewline, kWord, kString, kHeredoc, kSymbol };
  Kind kind = Kind::kEnd;
  // A word or a symbol as it stands; of a string what is between the quotation marks.
  std::string text;
  // The string has no escapes and no templates in it: its text is its value.
  bool plain = false;
};

// Comments and blanks are left out. Numbers are words.
class HclTokens {
 public:
  explicit HclTokens(std::string_view text) : rest_(text) {}

  // FAILED_PRECONDITION for what has no end.
  absl::StatusOr<HclToken> Next();

 private:
  // What is between two tokens.
  absl::Status SkipBlanks();
  absl::StatusOr<HclToken> ReadString();
  absl::StatusOr<HclToken> ReadHeredoc();
  // Moves behind a template's closing brace.
  absl::Status SkipTemplate(size_t& at, int depth) const;
  // Moves behind a closing quotation mark.
  absl::Status SkipString(size_t& at, int depth) const;

  std::string_view rest_;
};

}  // namespace stackyard::runner
