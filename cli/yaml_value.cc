#include "cli/yaml_value.h"

#include <yaml-cpp/yaml.h>

#include "absl/strings/numbers.h"

namespace stackyard::cli {

using google::protobuf::Value;

namespace {

Value StringValue(const std::string& text) {
  Value value;
  value.set_string_value(text);
  return value;
}

Value Scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  Value value;
  if (node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str") return StringValue(text);
  if (text == "true" || text == "false") {
    value.set_bool_value(text == "true");
    return value;
  }
  double number = 0;
  if (text.find_first_not_of("0123456789+-.eE") == std::string::npos &&
      absl::SimpleAtod(text, &number)) {
    value.set_number_value(number);
    return value;
  }
  return StringValue(text);
}

}  // namespace

Value ValueOf(const YAML::Node& node) {
  Value value;
  switch (node.Type()) {
    case YAML::NodeType::Scalar:
      return Scalar(node);
    case YAML::NodeType::Sequence:
      value.mutable_list_value();
      for (const auto& inner : node) *value.mutable_list_value()->add_values() = ValueOf(inner);
      return value;
    case YAML::NodeType::Map:
      value.mutable_struct_value();
      for (const auto& pair : node) {
        (*value.mutable_struct_value()->mutable_fields())[pair.first.as<std::string>()] =
            ValueOf(pair.second);
      }
      return value;
    default:
      value.set_null_value(google::protobuf::NULL_VALUE);
      return value;
  }
}

}  // namespace stackyard::cli
