#include "services/gateway/list_filter.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace stackyard::gateway {
namespace {

// Words, quoted texts and operators, one after the other.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : rest_(text) {}

  bool Done() {
    while (!rest_.empty() && absl::ascii_isspace(rest_.front())) rest_.remove_prefix(1);
    return rest_.empty();
  }

  std::optional<std::string> Word() {
    if (Done()) return std::nullopt;
    if (rest_.front() == '"' || rest_.front() == '\'') return Quoted();
    size_t size = 0;
    while (size < rest_.size() && IsWord(rest_[size])) ++size;
    if (size == 0) return std::nullopt;
    return Take(size);
  }

  std::optional<std::string> Operator() {
    if (Done()) return std::nullopt;
    for (const std::string_view op : {"!=", "=", ":"}) {
      if (rest_.starts_with(op)) return Take(op.size());
    }
    return std::nullopt;
  }

 private:
  static bool IsWord(char c) {
    return absl::ascii_isalnum(c) || std::string_view("_-./@*").find(c) != std::string_view::npos;
  }

  std::string Take(size_t size) {
    std::string taken(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return taken;
  }

  std::optional<std::string> Quoted() {
    const char quote = rest_.front();
    std::string text;
    for (size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == quote) {
        rest_.remove_prefix(i + 1);
        return text;
      }
      if (rest_[i] == '\\' && i + 1 < rest_.size()) ++i;
      text.push_back(rest_[i]);
    }
    return std::nullopt;
  }

  std::string_view rest_;
};

}  // namespace

absl::StatusOr<ListFilter> ListFilter::Parse(std::string_view text,
                                             const std::vector<std::string>& known) {
  ListFilter filter;
  Lexer lexer(text);
  while (!lexer.Done()) {
    if (!filter.terms_.empty() && lexer.Word() != "AND") {
      return InvalidField("filter", "terms must be joined by AND");
    }
    const std::optional<std::string> field = lexer.Word();
    if (!field || std::find(known.begin(), known.end(), *field) == known.end()) {
      return InvalidField(
          "filter", absl::StrCat("a term must start with one of ", absl::StrJoin(known, ", ")));
    }
    const std::optional<std::string> op = lexer.Operator();
    const std::optional<std::string> value = op ? lexer.Word() : std::nullopt;
    if (!value) {
      return InvalidField("filter", absl::StrCat("`", *field,
                                                 "` must be followed by =, != or : "
                                                 "and a value, in quotes where it has blanks"));
    }
    filter.terms_.push_back({*field, *op, *value});
  }
  return filter;
}

bool ListFilter::Matches(const Fields& fields) const {
  return std::all_of(terms_.begin(), terms_.end(), [&](const Term& term) {
    const auto found = fields.find(term.field);
    const std::string value = found == fields.end() ? "" : found->second;
    if (term.op == ":") {
      return absl::StrContains(absl::AsciiStrToLower(value), absl::AsciiStrToLower(term.value));
    }
    return (value == term.value) == (term.op == "=");
  });
}

absl::StatusOr<bool> ReadOrder(std::string_view order_by) {
  if (order_by.empty() || order_by == "name" || order_by == "name asc") return false;
  if (order_by == "name desc") return true;
  return InvalidField("order_by", "must be `name` or `name desc`");
}

}  // namespace stackyard::gateway
