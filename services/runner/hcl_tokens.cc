#include "services/runner/hcl_tokens.h"

#include <algorithm>
#include <cctype>

#include "absl/strings/ascii.h"
#include "common/status_macros.h"

namespace stackyard::runner {
namespace {

using Kind = HclToken::Kind;

constexpr int kMaxDepth = 50;

absl::Status Endless() { return absl::FailedPreconditionError("HCL that does not end"); }

bool IsWord(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return std::isalnum(byte) != 0 || c == '_' || c == '-' || c == '.' || byte >= 0x80;
}

}  // namespace

absl::Status HclTokens::SkipBlanks() {
  while (!rest_.empty()) {
    if (rest_.front() == ' ' || rest_.front() == '\t' || rest_.front() == '\r') {
      rest_.remove_prefix(1);
    } else if (rest_.front() == '#' || rest_.substr(0, 2) == "//") {
      // The line break is a token.
      rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
    } else if (rest_.substr(0, 2) == "/*") {
      const size_t end = rest_.find("*/", 2);
      if (end == std::string_view::npos) return Endless();
      rest_.remove_prefix(end + 2);
    } else {
      break;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<HclToken> HclTokens::Next() {
  RETURN_IF_ERROR(SkipBlanks());
  if (rest_.empty()) return HclToken();
  if (rest_.front() == '"') return ReadString();
  if (rest_.substr(0, 2) == "<<") return ReadHeredoc();
  HclToken token;
  size_t size = 1;
  if (rest_.front() == '\n') {
    token.kind = Kind::kNewline;
  } else if (IsWord(rest_.front())) {
    token.kind = Kind::kWord;
    while (size < rest_.size() && IsWord(rest_[size])) ++size;
  } else {
    token.kind = Kind::kSymbol;
    // Of these alone it matters that they are no assignment.
    if (rest_.substr(0, 2) == "==" || rest_.substr(0, 2) == "=>") size = 2;
  }
  token.text = std::string(rest_.substr(0, size));
  rest_.remove_prefix(size);
  return token;
}

absl::StatusOr<HclToken> HclTokens::ReadString() {
  size_t at = 1;
  RETURN_IF_ERROR(SkipString(at, 0));
  HclToken token;
  token.kind = Kind::kString;
  token.text = std::string(rest_.substr(1, at - 2));
  token.plain = token.text.find_first_of("\\$%") == std::string::npos;
  rest_.remove_prefix(at);
  return token;
}

absl::StatusOr<HclToken> HclTokens::ReadHeredoc() {
  const size_t line = rest_.find('\n');
  if (line == std::string_view::npos) return Endless();
  std::string_view mark = rest_.substr(2, line - 2);
  if (!mark.empty() && mark.front() == '-') mark.remove_prefix(1);
  if (!mark.empty() && mark.back() == '\r') mark.remove_suffix(1);
  size_t at = line + 1;
  while (at < rest_.size()) {
    const size_t end = std::min(rest_.find('\n', at), rest_.size());
    const std::string text(rest_.substr(at, end - at));
    if (absl::StripAsciiWhitespace(text) == std::string(mark)) {
      HclToken token;
      token.kind = Kind::kHeredoc;
      rest_.remove_prefix(end);
      return token;
    }
    at = end + 1;
  }
  return Endless();
}

absl::Status HclTokens::SkipString(size_t& at, int depth) const {
  if (depth > kMaxDepth) return Endless();
  while (at < rest_.size()) {
    const char c = rest_[at++];
    if (c == '"') return absl::OkStatus();
    if (c == '\n') return Endless();
    if (c == '\\') ++at;
    if ((c != '$' && c != '%') || at >= rest_.size()) continue;
    // `$${` is no template.
    if (rest_[at] == c && rest_.substr(at + 1, 1) == "{") {
      at += 2;
    } else if (rest_[at] == '{') {
      ++at;
      RETURN_IF_ERROR(SkipTemplate(at, depth + 1));
    }
  }
  return Endless();
}

absl::Status HclTokens::SkipTemplate(size_t& at, int depth) const {
  int braces = 1;
  while (at < rest_.size()) {
    const char c = rest_[at++];
    if (c == '"') RETURN_IF_ERROR(SkipString(at, depth));
    if (c == '{') ++braces;
    if (c == '}' && --braces == 0) return absl::OkStatus();
  }
  return Endless();
}

}  // namespace stackyard::runner
