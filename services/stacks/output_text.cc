#include "services/stacks/output_text.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace stackyard::stacks {
namespace {

using nlohmann::json;

std::string Quoted(const std::string& text) { return json(text).dump(); }

// Writes `outputs.{name}.value` down again while it is read.
class OutputReader {
 public:
  // Names are the parser's.
  bool null() { return Value("null"); }
  bool boolean(bool value) {
    if (levels_.size() == 3 && levels_[0].key == "outputs" && levels_[2].key == "sensitive") {
      Output().sensitive = value;
    }
    return Value(value ? "true" : "false");
  }
  bool number_integer(json::number_integer_t value) { return Value(absl::StrCat(value)); }
  bool number_unsigned(json::number_unsigned_t value) { return Value(absl::StrCat(value)); }
  bool number_float(json::number_float_t, const std::string& text) { return Value(text); }
  bool string(std::string& value) {
    if (levels_.size() == 3 && Inside()) {
      Output().is_string = true;
      Output().text = value;
    }
    return Value(Quoted(value));
  }
  bool binary(json::binary_t&) { return false; }
  bool start_object(size_t) { return Begin('{', false); }
  bool key(std::string& name) {
    Level& level = levels_.back();
    level.key = name;
    if (levels_.size() <= 3 || !Inside()) return true;
    absl::StrAppend(&Output().json, level.empty ? "" : ",", Quoted(name), ":");
    level.empty = false;
    return true;
  }
  bool end_object() { return End('}'); }
  bool start_array(size_t) { return Begin('[', true); }
  bool end_array() { return End(']'); }
  bool parse_error(size_t, const std::string&, const json::exception&) { return false; }

  std::map<std::string, OutputText> Take() { return std::move(outputs_); }

 private:
  // An object or list that is open.
  struct Level {
    bool list = false;
    bool empty = true;
    std::string key;
  };

  bool Inside() const {
    return levels_.size() >= 3 && levels_[0].key == "outputs" && levels_[2].key == "value";
  }
  OutputText& Output() { return outputs_[levels_[1].key]; }
  bool Value(const std::string& text) {
    if (!Inside()) return true;
    Level& level = levels_.back();
    absl::StrAppend(&Output().json, level.list && !level.empty ? "," : "", text);
    level.empty = false;
    return true;
  }
  bool Begin(char sign, bool list) {
    Value(std::string(1, sign));
    levels_.push_back({list});
    return true;
  }
  bool End(char sign) {
    levels_.pop_back();
    if (Inside()) Output().json += sign;
    return true;
  }

  std::vector<Level> levels_;
  std::map<std::string, OutputText> outputs_;
};

}  // namespace

absl::StatusOr<std::map<std::string, OutputText>> ReadOutputs(std::string_view state) {
  OutputReader reader;
  if (!json::sax_parse(state.begin(), state.end(), &reader)) {
    return InvalidField("state", "is no Terraform state: not a JSON object");
  }
  return reader.Take();
}

}  // namespace stackyard::stacks
