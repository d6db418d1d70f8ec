#include "common/json_object.h"

#include <google/protobuf/util/json_util.h>

#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/field_path.h"

namespace stackyard {
namespace {

using nlohmann::json;

// Characters of a text, and how many of them were read: the parser tells no position of what it has
// understood.
class Counted {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  Counted(const char* at, size_t* read) : at_(at), read_(read) {}
  reference operator*() const { return *at_; }
  Counted& operator++() {
    ++at_;
    ++*read_;
    return *this;
  }
  Counted operator++(int) {
    const Counted before = *this;
    ++*this;
    return before;
  }
  bool operator==(const Counted& other) const { return at_ == other.at_; }
  bool operator!=(const Counted& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  size_t* read_;
};

std::string Place(std::string_view text, size_t read) {
  size_t line = 1, column = 1;
  for (size_t i = 0; i + 1 < read && i < text.size(); ++i) {
    // A character of several bytes counts once.
    if (text[i] == '\n') {
      ++line;
      column = 1;
    } else if ((text[i] & 0xc0) != 0x80) {
      ++column;
    }
  }
  return absl::StrCat("line ", line, ", column ", column);
}

// `[json.exception.parse_error.101] parse error at line 1, column 2: ` is about the parser.
std::string Reason(const std::string& what) {
  const size_t colon = what.find(": ");
  return colon == std::string::npos ? what : what.substr(colon + 2);
}

// Looks at the parts of a text as they are understood; false ends it.
class Checker {
 public:
  Checker(std::string_view text, const JsonLimits& limits, const size_t& read)
      : text_(text), limits_(limits), read_(read) {}

  // Names are the parser's.
  bool null() { return Value(); }
  bool boolean(bool) { return Value(); }
  bool number_integer(json::number_integer_t) { return Value(); }
  bool number_unsigned(json::number_unsigned_t) { return Value(); }
  bool number_float(json::number_float_t, const std::string&) { return Value(); }
  bool string(std::string&) { return Value(); }
  bool binary(json::binary_t&) { return Value(); }
  bool start_object(size_t) { return Enter(true); }
  bool key(std::string& name) {
    if (keys_.back().insert(name).second) return true;
    return Refuse(absl::StrCat("the key ", Quoted(name), " stands twice in one object"), read_);
  }
  bool end_object() { return Leave(); }
  bool start_array(size_t) { return Enter(false); }
  bool end_array() { return Leave(); }
  bool parse_error(size_t position, const std::string&, const json::exception& error) {
    return Refuse(Reason(error.what()), position);
  }

  const absl::Status& fault() const { return fault_; }

 private:
  bool Refuse(const std::string& what, size_t read) {
    fault_ = absl::InvalidArgumentError(absl::StrCat(Place(text_, read), ": ", what));
    return false;
  }
  bool Value() { return !keys_.empty() || Refuse("must be a JSON object", read_); }
  bool Enter(bool object) {
    if (!object && !Value()) return false;
    // Lists have no keys; theirs stay empty.
    keys_.emplace_back();
    if (static_cast<int>(keys_.size()) <= limits_.depth) return true;
    return Refuse(absl::StrCat("nested more than ", limits_.depth, " deep"), read_);
  }
  bool Leave() {
    keys_.pop_back();
    return true;
  }

  const std::string_view text_;
  const JsonLimits limits_;
  const size_t& read_;
  // Of the objects that are open, the outermost first.
  std::vector<std::set<std::string>> keys_;
  absl::Status fault_;
};

}  // namespace

absl::Status CheckJsonObject(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("has ", text.size(), " bytes; at most ", limits.bytes, " are kept"));
  }
  // The parser skips it, and readers of the bytes may not.
  if (text.starts_with("\xef\xbb\xbf")) {
    return absl::InvalidArgumentError("line 1, column 1: begins with a byte order mark");
  }
  // And takes a NUL for the end.
  const size_t nul = text.find('\0');
  if (nul != std::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat(Place(text, nul + 1), ": holds a NUL"));
  }
  size_t read = 0;
  Checker checker(text, limits, read);
  const char* begin = text.data();
  json::sax_parse(Counted(begin, &read), Counted(begin + text.size(), &read), &checker);
  return checker.fault();
}

absl::StatusOr<google::protobuf::Struct> ToStruct(std::string_view text) {
  google::protobuf::Struct object;
  const auto status = google::protobuf::util::JsonStringToMessage(std::string(text), &object);
  if (!status.ok()) return absl::InternalError("a JSON object cannot be read");
  return object;
}

}  // namespace stackyard
