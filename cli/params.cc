#include "cli/params.h"

#include <google/protobuf/util/json_util.h>
#include <yaml-cpp/yaml.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/context.h"
#include "cli/yaml_value.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace stackyard::cli {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

bool ParseJson(const std::string& text, google::protobuf::Message* message) {
  return google::protobuf::util::JsonStringToMessage(text, message).ok();
}

Value StringValue(const std::string& text) {
  Value value;
  value.set_string_value(text);
  return value;
}

// Names and texts of `key=value`; false when there is no key or no `=`.
bool Split(const std::string& pair, std::string& key, std::string& value) {
  const size_t at = pair.find('=');
  if (at == std::string::npos || at == 0) return false;
  key = pair.substr(0, at);
  value = pair.substr(at + 1);
  return true;
}

// A value typed on the command line, as the parameter's type says.
absl::StatusOr<Value> Typed(const std::string& text, const std::string& type) {
  Value value;
  if (type == "string" || type.empty()) return StringValue(text);
  if (type == "number") {
    double number = 0;
    if (!absl::SimpleAtod(text, &number)) {
      return absl::InvalidArgumentError(absl::StrCat("must be a number, not \"", text, "\""));
    }
    value.set_number_value(number);
    return value;
  }
  if (type == "bool") {
    if (text != "true" && text != "false") {
      return absl::InvalidArgumentError(absl::StrCat("must be true or false, not \"", text, "\""));
    }
    value.set_bool_value(text == "true");
    return value;
  }
  if (ParseJson(text, &value)) return value;
  if (type == "any") return StringValue(text);
  return absl::InvalidArgumentError(
      absl::StrCat("must be JSON for ", type, ", not \"", text, "\""));
}

absl::StatusOr<Struct> FromFile(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile("params-file", path));
  Struct parameters;
  if (absl::EndsWith(path, ".json")) {
    const auto status = google::protobuf::util::JsonStringToMessage(text, &parameters);
    if (status.ok()) return parameters;
    return InvalidField("params-file",
                        absl::StrCat(path, " is no JSON object: ", std::string(status.message())));
  }
  try {
    const YAML::Node node = YAML::Load(text);
    if (node.IsMap()) return ValueOf(node).struct_value();
    return InvalidField("params-file", absl::StrCat(path, " must hold an object of parameters"));
  } catch (const YAML::Exception& error) {
    return InvalidField("params-file", absl::StrCat(path, " is no YAML: ", error.what()));
  }
}

std::string TypeOf(const google::protobuf::RepeatedPtrField<v1::Parameter>& known,
                   const std::string& name) {
  for (const v1::Parameter& parameter : known) {
    if (parameter.name() == name) return parameter.type();
  }
  return "any";
}

}  // namespace

absl::StatusOr<Struct> ReadParameters(
    const ParameterFlags& flags, const google::protobuf::RepeatedPtrField<v1::Parameter>& known) {
  Struct parameters;
  if (!flags.file.empty()) {
    ASSIGN_OR_RETURN(parameters, FromFile(flags.file));
  }
  Violations violations;
  auto& fields = *parameters.mutable_fields();
  std::string key, text;
  for (const std::string& set : flags.sets) {
    if (!Split(set, key, text)) {
      violations.Add("set", absl::StrCat("must be KEY=VALUE, not \"", set, "\""));
      continue;
    }
    const absl::StatusOr<Value> value = Typed(text, TypeOf(known, key));
    if (value.ok()) {
      fields[key] = *value;
    } else {
      violations.Add("parameters." + key, std::string(value.status().message()));
    }
  }
  for (const std::string& set : flags.set_jsons) {
    Value value;
    if (!Split(set, key, text)) {
      violations.Add("set-json", absl::StrCat("must be KEY=JSON, not \"", set, "\""));
    } else if (!ParseJson(text, &value)) {
      violations.Add("parameters." + key, absl::StrCat("must be JSON, not \"", text, "\""));
    } else {
      fields[key] = value;
    }
  }
  RETURN_IF_ERROR(violations.ToStatus());
  return parameters;
}

absl::StatusOr<std::map<std::string, std::string>> ReadPairs(
    const std::string& field, const std::vector<std::string>& pairs) {
  std::map<std::string, std::string> values;
  Violations violations;
  std::string key, value;
  for (const std::string& pair : pairs) {
    if (Split(pair, key, value)) {
      values[key] = value;
    } else {
      violations.Add(field, absl::StrCat("must be KEY=VALUE, not \"", pair, "\""));
    }
  }
  RETURN_IF_ERROR(violations.ToStatus());
  return values;
}

}  // namespace stackyard::cli
