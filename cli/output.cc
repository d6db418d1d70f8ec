#include "cli/output.h"

#include <google/protobuf/util/json_util.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "cli/manifest.h"
#include "cli/text.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace stackyard::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using Json = nlohmann::ordered_json;

void Emit(const Json& value, YAML::Emitter& yaml) {
  switch (value.type()) {
    case Json::value_t::object:
      if (value.empty()) yaml << YAML::Flow;
      yaml << YAML::BeginMap;
      for (const auto& [key, inner] : value.items()) {
        yaml << YAML::Key << key << YAML::Value;
        Emit(inner, yaml);
      }
      yaml << YAML::EndMap;
      break;
    case Json::value_t::array:
      if (value.empty()) yaml << YAML::Flow;
      yaml << YAML::BeginSeq;
      for (const Json& inner : value) Emit(inner, yaml);
      yaml << YAML::EndSeq;
      break;
    case Json::value_t::string: {
      const std::string& text = value.get_ref<const std::string&>();
      if (text.find('\n') != std::string::npos) {
        yaml << YAML::Literal << text;
        break;
      }
      // Plain where a reader gets a string back, else quoted.
      static const std::string kOdd = ":#{}[],&*?|<>=!%@`\"'\\ \t~";
      const bool word = !text.empty() && std::isalpha(static_cast<unsigned char>(text[0])) &&
                        text.find_first_of(kOdd) == std::string::npos;
      static const std::vector<std::string> kNotWords = {"true", "false", "null", "yes", "no",
                                                         "on",   "off",   "y",    "n"};
      std::string lower = text;
      std::transform(lower.begin(), lower.end(), lower.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      const bool reserved = std::find(kNotWords.begin(), kNotWords.end(), lower) != kNotWords.end();
      if (word && !reserved) {
        yaml << text;
      } else {
        yaml << YAML::DoubleQuoted << text;
      }
      break;
    }
    default:
      yaml << value.dump();
  }
}

const char* Code(Color color) {
  switch (color) {
    case Color::kGreen:
      return "\033[32m";
    case Color::kYellow:
      return "\033[33m";
    case Color::kRed:
      return "\033[31m";
    case Color::kDim:
      return "\033[2m";
    case Color::kBold:
      return "\033[1m";
    default:
      return "";
  }
}

std::string Padded(const std::string& text, size_t width) {
  const size_t used = Width(text);
  return used < width ? text + std::string(width - used, ' ') : text;
}

const FieldDescriptor* NameField(const Message& message) {
  const FieldDescriptor* name = message.GetDescriptor()->FindFieldByName("name");
  return name != nullptr && name->cpp_type() == FieldDescriptor::CPPTYPE_STRING &&
                 !name->is_repeated()
             ? name
             : nullptr;
}

std::string YamlOf(const std::string& kind, const Json& json) {
  Json whole = Json::object();
  if (!kind.empty()) {
    whole["apiVersion"] = kApiVersion;
    whole["kind"] = kind;
  }
  whole.update(json);
  YAML::Emitter yaml;
  Emit(whole, yaml);
  return absl::StrCat(yaml.c_str(), "\n");
}

}  // namespace

absl::StatusOr<Format> ReadFormat(const std::string& text) {
  static const std::map<std::string, Format> kFormats = {{"table", Format::kTable},
                                                         {"wide", Format::kTable},
                                                         {"json", Format::kJson},
                                                         {"yaml", Format::kYaml},
                                                         {"name", Format::kName}};
  const auto found = kFormats.find(text);
  if (found != kFormats.end()) return found->second;
  return InvalidField("output",
                      absl::StrCat("must be table, wide, json, yaml or name, not \"", text, "\""));
}

std::string Paint(const std::string& text, Color color, bool on) {
  if (!on || color == Color::kNone) return text;
  return absl::StrCat(Code(color), text, "\033[0m");
}

Color StateColor(const std::string& state) {
  static const std::map<std::string, Color> kColors = {
      {"READY", Color::kGreen},    {"ACTIVE", Color::kGreen},    {"SUCCEEDED", Color::kGreen},
      {"APPROVED", Color::kGreen}, {"COMMITTED", Color::kGreen}, {"APPLIED", Color::kGreen},
      {"DONE", Color::kGreen},     {"FAILED", Color::kRed},      {"REJECTED", Color::kRed},
      {"ERRORED", Color::kRed},    {"EXPIRED", Color::kRed},     {"CANCELLED", Color::kRed},
      {"DESTROYED", Color::kDim},  {"RELEASED", Color::kDim},    {"WITHDRAWN", Color::kDim},
      {"DEPRECATED", Color::kDim}, {"-", Color::kNone},          {"", Color::kNone},
  };
  const auto found = kColors.find(state);
  return found == kColors.end() ? Color::kYellow : found->second;
}

absl::StatusOr<std::vector<size_t>> Table::Shown(const TableStyle& style) const {
  std::vector<std::string> names;
  for (const std::string& heading : headings_) {
    names.push_back(std::string(absl::StripPrefix(heading, "+")));
  }
  std::vector<size_t> shown;
  for (const std::string& column : style.columns) {
    const std::string wanted = absl::AsciiStrToUpper(absl::StripAsciiWhitespace(column));
    const auto found = std::find(names.begin(), names.end(), wanted);
    if (found == names.end()) {
      return InvalidField("columns", absl::StrCat("there is no column \"", column, "\"; there are ",
                                                  absl::StrJoin(names, ", ")));
    }
    shown.push_back(found - names.begin());
  }
  if (!style.columns.empty()) return shown;
  for (size_t i = 0; i < headings_.size(); ++i) {
    const bool used =
        std::any_of(rows_.begin(), rows_.end(), [&](const auto& row) { return !row[i].empty(); });
    const bool wanted = style.wide || !absl::StartsWith(headings_[i], "+");
    if (wanted && (used || style.wide || rows_.empty())) shown.push_back(i);
  }
  return shown;
}

absl::StatusOr<std::string> Table::Text(const TableStyle& style) const {
  ASSIGN_OR_RETURN(const std::vector<size_t> shown, Shown(style));
  std::vector<std::string> headings;
  for (const std::string& heading : headings_) {
    headings.push_back(std::string(absl::StripPrefix(heading, "+")));
  }
  std::vector<size_t> widths;
  for (size_t i = 0; i < headings.size(); ++i) {
    size_t width = style.headers ? Width(headings[i]) : 1;
    for (const auto& row : rows_) width = std::max(width, Width(row[i]));
    widths.push_back(width);
  }
  std::string text;
  const auto line = [&](const std::vector<std::string>& cells, bool heading) {
    for (const size_t i : shown) {
      const std::string cell = cells[i].empty() ? "-" : cells[i];
      const std::string padded = i == shown.back() ? cell : Padded(cell, widths[i] + 3);
      const Color paint = heading                  ? Color::kBold
                          : headings[i] == "STATE" ? StateColor(cell)
                                                   : Color::kNone;
      text += Paint(padded, paint, style.color);
    }
    text += "\n";
  };
  if (style.headers) line(headings, true);
  for (const auto& row : rows_) line(row, false);
  return text;
}

std::string Table::Json() const {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const auto& row : rows_) {
    nlohmann::ordered_json object = nlohmann::ordered_json::object();
    for (size_t i = 0; i < headings_.size(); ++i) {
      const auto name = absl::AsciiStrToLower(absl::StripPrefix(headings_[i], "+"));
      object[name.empty() ? "current" : name] = row[i];
    }
    list.push_back(std::move(object));
  }
  return list.dump(2) + "\n";
}

std::string Table::Text(bool color) const {
  TableStyle style;
  style.color = color;
  // Only --columns can be wrong.
  return *Text(style);
}

void Fields::Add(std::string label, std::string value) {
  if (!value.empty()) fields_.emplace_back(std::move(label), std::move(value));
}

std::string Fields::Text(bool color) const {
  size_t width = 0;
  for (const auto& [label, value] : fields_) width = std::max(width, Width(label));
  std::string text;
  for (const auto& [label, value] : fields_) {
    const Color paint = label == "State" ? StateColor(value) : Color::kNone;
    absl::StrAppend(&text, Paint(Padded(label + ":", width + 3), Color::kBold, color),
                    Paint(value, paint, color), "\n");
  }
  return text;
}

absl::Status Output::WriteTable(const Table& table, const std::string& names) const {
  switch (format_) {
    case Format::kTable:
      Show(table);
      break;
    case Format::kJson:
      out_ << table.Json();
      break;
    case Format::kYaml: {
      YAML::Emitter yaml;
      Emit(Json::parse(table.Json()), yaml);
      out_ << yaml.c_str() << "\n";
      break;
    }
    case Format::kName:
      out_ << names;
      break;
  }
  out_.flush();
  return fault_;
}

void Output::Show(const Table& table) const {
  const absl::StatusOr<std::string> text = table.Text(style_);
  if (text.ok()) {
    out_ << *text;
  } else if (fault_.ok()) {
    fault_ = text.status();
  }
}

absl::Status Output::Write(const Message& message, const std::function<void()>& people) const {
  switch (format_) {
    case Format::kTable:
      people();
      break;
    case Format::kJson: {
      ASSIGN_OR_RETURN(const std::string json, ToJson(message));
      out_ << json;
      break;
    }
    case Format::kYaml: {
      ASSIGN_OR_RETURN(const std::string yaml, ToYaml(message));
      out_ << yaml;
      break;
    }
    case Format::kName:
      out_ << NamesIn(message);
      break;
  }
  out_.flush();
  return fault_;
}

absl::StatusOr<std::string> ToJson(const Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) {
    return absl::InternalError(
        absl::StrCat("the answer cannot be written as JSON: ", std::string(status.message())));
  }
  // Re-indented: protobuf indents by one space.
  return Json::parse(json).dump(2) + "\n";
}

absl::StatusOr<std::string> ToYaml(const Message& message) {
  ASSIGN_OR_RETURN(const std::string json, ToJson(message));
  return YamlOf(KindOf(*message.GetDescriptor()), Json::parse(json));
}

absl::StatusOr<std::string> ToManifest(const Message& message) {
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json);
  if (!status.ok()) return absl::InternalError(std::string(status.message()));
  return YamlOf(KindOf(*message.GetDescriptor()), Json::parse(json));
}

std::string NamesIn(const Message& message) {
  const auto* reflection = message.GetReflection();
  if (const FieldDescriptor* name = NameField(message)) {
    return reflection->GetString(message, name) + "\n";
  }
  std::string names;
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = message.GetDescriptor()->field(i);
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || field->is_map()) continue;
    if (!field->is_repeated()) {
      if (reflection->HasField(message, field) &&
          NameField(reflection->GetMessage(message, field)) != nullptr) {
        names += NamesIn(reflection->GetMessage(message, field));
      }
      continue;
    }
    for (int j = 0; j < reflection->FieldSize(message, field); ++j) {
      const Message& inner = reflection->GetRepeatedMessage(message, field, j);
      if (NameField(inner) != nullptr) names += NamesIn(inner);
    }
  }
  return names;
}

}  // namespace stackyard::cli
