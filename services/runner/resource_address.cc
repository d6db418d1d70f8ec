#include "services/runner/resource_address.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace stackyard::runner {
namespace {

using Key = ResourceAddress::Key;

absl::Status NoAddress() { return absl::FailedPreconditionError("an address that is none"); }

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  absl::StatusOr<ResourceAddress> Parse() {
    ResourceAddress address;
    ASSIGN_OR_RETURN(std::string word, Word());
    while (word == "module") {
      if (!Take('.')) return NoAddress();
      ASSIGN_OR_RETURN(std::string name, Word());
      ASSIGN_OR_RETURN(Key key, OptionalKey());
      address.modules.emplace_back(std::move(name), std::move(key));
      if (!Take('.')) return NoAddress();
      ASSIGN_OR_RETURN(word, Word());
    }
    if (word == "data") {
      address.is_data = true;
      if (!Take('.')) return NoAddress();
      ASSIGN_OR_RETURN(word, Word());
    }
    address.type = std::move(word);
    if (!Take('.')) return NoAddress();
    ASSIGN_OR_RETURN(address.name, Word());
    ASSIGN_OR_RETURN(address.key, OptionalKey());
    if (!rest_.empty()) return NoAddress();
    return address;
  }

 private:
  bool Take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  absl::StatusOr<std::string> Word() {
    const std::string word(rest_.substr(0, rest_.find_first_of(".[")));
    if (word.empty()) return NoAddress();
    rest_.remove_prefix(word.size());
    return word;
  }

  absl::StatusOr<Key> OptionalKey() {
    if (!Take('[')) return Key();
    if (Take('"')) return Quoted();
    const size_t end = rest_.find(']');
    int64_t number = 0;
    if (end == std::string_view::npos ||
        !absl::SimpleAtoi(std::string(rest_.substr(0, end)), &number)) {
      return NoAddress();
    }
    rest_.remove_prefix(end + 1);
    return Key(number);
  }

  // Behind the first quotation mark.
  absl::StatusOr<Key> Quoted() {
    std::string text;
    while (!rest_.empty() && rest_.front() != '"') {
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '\\') {
        if (Take('n')) {
          c = '\n';
        } else if (Take('r')) {
          c = '\r';
        } else if (Take('t')) {
          c = '\t';
        } else if (Take('"')) {
          c = '"';
        } else if (!Take('\\')) {
          return NoAddress();
        }
      } else if ((c == '$' || c == '%') && rest_.substr(0, 2) == std::string{c, '{'}) {
        rest_.remove_prefix(1);
      }
      text += c;
    }
    if (!Take('"') || !Take(']')) return NoAddress();
    return Key(std::move(text));
  }

  std::string_view rest_;
};

}  // namespace

absl::StatusOr<ResourceAddress> ResourceAddress::Parse(std::string_view text) {
  return Parser(text).Parse();
}

bool operator<(const ResourceAddress& a, const ResourceAddress& b) {
  const auto depth = [](const ResourceAddress& address) { return address.modules.size(); };
  if (depth(a) != depth(b)) return depth(a) < depth(b);
  return std::tie(a.modules, b.is_data, a.type, a.name, a.key) <
         std::tie(b.modules, a.is_data, b.type, b.name, b.key);
}

absl::StatusOr<std::string> KeyText(const Key& key) {
  if (std::holds_alternative<std::monostate>(key)) return "";
  if (const int64_t* number = std::get_if<int64_t>(&key)) return absl::StrCat("[", *number, "]");
  const std::string& text = std::get<std::string>(key);
  // How Terraform escapes the rest depends on what Go can print.
  const auto is_odd = [](unsigned char c) { return c < ' ' || c > '~'; };
  if (std::any_of(text.begin(), text.end(), is_odd)) return NoAddress();
  std::string quoted = "[\"";
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' || c == '\\') quoted += '\\';
    if ((c == '$' || c == '%') && i + 1 < text.size() && text[i + 1] == '{') quoted += c;
    quoted += c;
  }
  return quoted + "\"]";
}

}  // namespace stackyard::runner
