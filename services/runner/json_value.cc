#include "services/runner/json_value.h"

#include <cmath>
#include <cstdint>

namespace stackyard::runner {

using nlohmann::json;

google::protobuf::Value ToValue(const json& json) {
  google::protobuf::Value value;
  switch (json.type()) {
    case json::value_t::object:
      value.mutable_struct_value();
      for (const auto& [key, member] : json.items()) {
        (*value.mutable_struct_value()->mutable_fields())[key] = ToValue(member);
      }
      break;
    case json::value_t::array:
      value.mutable_list_value();
      for (const auto& element : json) *value.mutable_list_value()->add_values() = ToValue(element);
      break;
    case json::value_t::string:
      value.set_string_value(json.get_ref<const std::string&>());
      break;
    case json::value_t::boolean:
      value.set_bool_value(json.get<bool>());
      break;
    case json::value_t::number_integer:
    case json::value_t::number_unsigned:
    case json::value_t::number_float:
      value.set_number_value(json.get<double>());
      break;
    default:
      value.set_null_value(google::protobuf::NULL_VALUE);
  }
  return value;
}

json ToJson(const google::protobuf::Value& value) {
  switch (value.kind_case()) {
    case google::protobuf::Value::kStructValue:
      return ToJson(value.struct_value());
    case google::protobuf::Value::kListValue: {
      json list = json::array();
      for (const auto& element : value.list_value().values()) list.push_back(ToJson(element));
      return list;
    }
    case google::protobuf::Value::kStringValue:
      return value.string_value();
    case google::protobuf::Value::kBoolValue:
      return value.bool_value();
    case google::protobuf::Value::kNumberValue: {
      const double number = value.number_value();
      // Up to here every whole number has a double of its own.
      constexpr double kExact = 9007199254740992.0;
      if (std::trunc(number) == number && std::abs(number) <= kExact) {
        return static_cast<int64_t>(number);
      }
      return number;
    }
    default:
      return nullptr;
  }
}

json ToJson(const google::protobuf::Struct& value) {
  json object = json::object();
  for (const auto& [key, member] : value.fields()) object[key] = ToJson(member);
  return object;
}

}  // namespace stackyard::runner
