#include "cli/output.h"

#include <google/protobuf/util/json_util.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
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

}  // namespace

absl::StatusOr<Format> ReadFormat(const std::string& text) {
  static const std::map<std::string, Format> kFormats = {{"table", Format::kTable},
                                                         {"json", Format::kJson},
                                                         {"yaml", Format::kYaml},
                                                         {"name", Format::kName}};
  const auto found = kFormats.find(text);
  if (found != kFormats.end()) return found->second;
  return InvalidField("output",
                      absl::StrCat("must be table, json, yaml or name, not \"", text, "\""));
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

std::string Table::Text(bool color) const {
  std::vector<size_t> shown;
  std::vector<size_t> widths;
  for (size_t i = 0; i < headings_.size(); ++i) {
    size_t width = Width(headings_[i]);
    bool used = rows_.empty();
    for (const auto& row : rows_) {
      width = std::max(width, Width(row[i]));
      used = used || !row[i].empty();
    }
    widths.push_back(width);
    if (used) shown.push_back(i);
  }
  std::string text;
  const auto line = [&](const std::vector<std::string>& cells, bool heading) {
    for (const size_t i : shown) {
      const std::string cell = cells[i].empty() ? "-" : cells[i];
      const std::string padded = i == shown.back() ? cell : Padded(cell, widths[i] + 3);
      const Color paint = heading                   ? Color::kBold
                          : headings_[i] == "STATE" ? StateColor(cell)
                                                    : Color::kNone;
      text += Paint(padded, paint, color);
    }
    text += "\n";
  };
  line(headings_, true);
  for (const auto& row : rows_) line(row, false);
  return text;
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
  return absl::OkStatus();
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
  YAML::Emitter yaml;
  Emit(Json::parse(json), yaml);
  return absl::StrCat(yaml.c_str(), "\n");
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
