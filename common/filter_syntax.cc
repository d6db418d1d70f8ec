#include "common/filter_syntax.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/field_path.h"
#include "common/status_macros.h"

namespace stackyard::filter_syntax {
namespace {

constexpr std::string_view kSpaces = " \t\r\n\v\f";
// What ends a word. A value may hold dots and colons: 1.5s, 2024-01-01T00:00:00Z.
constexpr std::string_view kEndsName = " \t\r\n\v\f(),.:=<>\"'";
constexpr std::string_view kEndsValue = " \t\r\n\v\f(),=<>\"'";

bool IsKeyword(std::string_view word) { return word == "AND" || word == "OR" || word == "NOT"; }

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  absl::StatusOr<Node> Filter() {
    ASSIGN_OR_RETURN(Node node, Expression(0));
    // Only a parenthesis that nobody opened stops an expression before the end.
    if (at_ < text_.size()) return Expected("AND, OR or the end");
    return node;
  }

 private:
  // sequence {AND sequence}
  absl::StatusOr<Node> Expression(int depth) {
    std::vector<Node> parts;
    do {
      RETURN_IF_ERROR(Sequence(depth, parts));
    } while (TakeKeyword("AND"));
    return Join(Node::Kind::kAnd, std::move(parts));
  }

  // factor {factor}: the factors of a sequence must all hold, as those of an AND.
  absl::Status Sequence(int depth, std::vector<Node>& parts) {
    do {
      ASSIGN_OR_RETURN(Node node, Factor(depth));
      parts.push_back(std::move(node));
      const size_t end = at_;
      SkipSpace();
      if (at_ == text_.size() || text_[at_] == ')' || PeekKeyword("AND")) break;
      if (at_ == end) return Expected("a space, AND, OR or the end");
    } while (true);
    return absl::OkStatus();
  }

  // term {OR term}: OR binds tighter than AND.
  absl::StatusOr<Node> Factor(int depth) {
    std::vector<Node> parts;
    do {
      ASSIGN_OR_RETURN(Node node, Term(depth));
      parts.push_back(std::move(node));
    } while (TakeKeyword("OR"));
    return Join(Node::Kind::kOr, std::move(parts));
  }

  // [NOT | -] (composite | restriction)
  absl::StatusOr<Node> Term(int depth) {
    const bool negated = TakeKeyword("NOT") || Take('-');
    if (negated && at_ < text_.size() && text_[at_] == '-') return Expected("a field or a value");
    SkipSpace();
    Node node;
    if (at_ < text_.size() && text_[at_] == '(') {
      ASSIGN_OR_RETURN(node, Composite(depth + 1));
    } else {
      ASSIGN_OR_RETURN(node, Restriction());
    }
    if (!negated) return node;
    Node result;
    result.kind = Node::Kind::kNot;
    result.children.push_back(std::move(node));
    return result;
  }

  absl::StatusOr<Node> Composite(int depth) {
    if (depth > kMaxDepth) {
      return Error(absl::StrCat("expected at most ", kMaxDepth, " nested parentheses"));
    }
    const size_t open = at_++;
    ASSIGN_OR_RETURN(Node node, Expression(depth));
    if (!Take(')')) {
      at_ = open;
      return Error("expected a \")\" for this parenthesis");
    }
    return node;
  }

  // value {. field} [comparator value]
  absl::StatusOr<Node> Restriction() {
    if (++tests_ > kMaxTests) {
      return Error(absl::StrCat("expected at most ", kMaxTests, " comparisons and values"));
    }
    if (PeekKeyword("AND") || PeekKeyword("OR") || PeekKeyword("NOT")) {
      return Expected("a field or a value");
    }
    Node node;
    do {
      if (node.path.size() == kMaxPath) {
        return Error(absl::StrCat("expected at most ", kMaxPath, " names in a path"));
      }
      ASSIGN_OR_RETURN(Word word, ReadWord(kEndsName, "a field or a value"));
      node.path.push_back(std::move(word));
    } while (TakeDirectly('.'));
    if (at_ < text_.size() && text_[at_] == '(') {
      return Error("expected a comparison; there are no functions");
    }
    const size_t end = at_;
    SkipSpace();
    node.comparator = TakeComparator();
    if (node.comparator == Comparator::kNone) {
      at_ = end;
      node.value = Joined(node.path);
      node.path.clear();
      return node;
    }
    SkipSpace();
    const std::string what =
        absl::StrCat("a value after \"", std::string(ToString(node.comparator)), "\"");
    ASSIGN_OR_RETURN(node.value, ReadWord(kEndsValue, what));
    if (!node.value.quoted && IsKeyword(node.value.text)) {
      at_ = node.value.offset;
      return Expected(what);
    }
    return node;
  }

  absl::StatusOr<Word> ReadWord(std::string_view ends, std::string_view what) {
    if (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\'')) return ReadString();
    Word word;
    word.offset = at_;
    while (at_ < text_.size() && ends.find(text_[at_]) == ends.npos &&
           text_.substr(at_, 2) != "!=") {
      word.text += text_[at_++];
    }
    if (word.text.empty()) return Expected(what);
    word.star_first = word.text.front() == '*';
    word.star_last = word.text.back() == '*';
    return word;
  }

  absl::StatusOr<Word> ReadString() {
    Word word;
    word.offset = at_;
    word.quoted = true;
    const char quote = text_[at_++];
    for (; at_ < text_.size() && text_[at_] != quote; ++at_) {
      const bool escaped = text_[at_] == '\\';
      if (escaped && ++at_ == text_.size()) break;
      const bool star = text_[at_] == '*' && !escaped;
      if (word.text.empty()) word.star_first = star;
      word.star_last = star;
      word.text += text_[at_];
    }
    if (at_ == text_.size()) {
      at_ = word.offset;
      return Error(absl::StrCat("expected a closing ", std::string(1, quote), " for this string"));
    }
    ++at_;
    return word;
  }

  Comparator TakeComparator() {
    for (Comparator comparator :
         {Comparator::kLessEqual, Comparator::kGreaterEqual, Comparator::kNotEqual,
          Comparator::kLess, Comparator::kGreater, Comparator::kEqual, Comparator::kHas}) {
      const std::string_view sign = ToString(comparator);
      if (text_.substr(at_, sign.size()) == sign) {
        at_ += sign.size();
        return comparator;
      }
    }
    return Comparator::kNone;
  }

  void SkipSpace() {
    while (at_ < text_.size() && kSpaces.find(text_[at_]) != kSpaces.npos) ++at_;
  }

  bool TakeDirectly(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool Take(char c) {
    SkipSpace();
    return TakeDirectly(c);
  }

  // A keyword stands alone: ORDER, AND.x and OR=1 do not begin with one.
  bool PeekKeyword(std::string_view word) const {
    if (text_.substr(at_, word.size()) != word) return false;
    const size_t end = at_ + word.size();
    return end >= text_.size() || text_[end] == '(' || text_[end] == ')' ||
           kSpaces.find(text_[end]) != kSpaces.npos;
  }

  bool TakeKeyword(std::string_view word) {
    const size_t before = at_;
    SkipSpace();
    if (PeekKeyword(word)) {
      at_ += word.size();
      SkipSpace();
      return true;
    }
    at_ = before;
    return false;
  }

  absl::Status Error(std::string_view what) const { return ErrorAt("filter", text_, at_, what); }

  absl::Status Expected(std::string_view what) const {
    std::string found = "the end";
    if (at_ < text_.size()) {
      const size_t end = text_.find_first_of(kEndsValue, at_);
      found = Quoted(text_.substr(at_, end == at_ ? 1 : end - at_));
    }
    return Error(absl::StrCat("expected ", std::string(what), ", found ", found));
  }

  // A literal with dots, such as 1.5 or a.b, is one text and no path.
  static Word Joined(const std::vector<Word>& path) {
    Word word = path.front();
    for (size_t i = 1; i < path.size(); ++i) absl::StrAppend(&word.text, ".", path[i].text);
    word.star_last = path.back().star_last;
    return word;
  }

  static Node Join(Node::Kind kind, std::vector<Node> parts) {
    if (parts.size() == 1) return std::move(parts[0]);
    Node node;
    node.kind = kind;
    node.children = std::move(parts);
    return node;
  }

  const std::string_view text_;
  size_t at_ = 0;
  int tests_ = 0;
};

}  // namespace

std::string_view ToString(Comparator comparator) {
  switch (comparator) {
    case Comparator::kNone:
      return "";
    case Comparator::kHas:
      return ":";
    case Comparator::kEqual:
      return "=";
    case Comparator::kNotEqual:
      return "!=";
    case Comparator::kLess:
      return "<";
    case Comparator::kLessEqual:
      return "<=";
    case Comparator::kGreater:
      return ">";
    case Comparator::kGreaterEqual:
      return ">=";
  }
  return "";
}

absl::StatusOr<Node> Parse(std::string_view text) { return Parser(text).Filter(); }

}  // namespace stackyard::filter_syntax
