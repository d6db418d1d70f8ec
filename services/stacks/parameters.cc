#include "services/stacks/parameters.h"

#include <google/protobuf/util/message_differencer.h>
#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace stackyard::stacks {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;
using nlohmann::json;

const char* KindName(const Value& value) {
  switch (value.kind_case()) {
    case Value::kBoolValue:
      return "a bool";
    case Value::kNumberValue:
      return "a number";
    case Value::kStringValue:
      return "a string";
    case Value::kListValue:
      return "a list";
    case Value::kStructValue:
      return "an object";
    default:
      return "null";
  }
}

// Length in code points, as people count characters.
int CharacterCount(std::string_view text) {
  int count = 0;
  for (const unsigned char c : text) count += (c & 0xc0) != 0x80;
  return count;
}

bool AsNumber(const Value& value, double& number) {
  if (value.kind_case() == Value::kNumberValue) {
    number = value.number_value();
    return std::isfinite(number);
  }
  return value.kind_case() == Value::kStringValue &&
         absl::SimpleAtod(value.string_value(), &number) && std::isfinite(number);
}

bool IsNull(const Value& value) {
  return value.kind_case() == Value::kNullValue || value.kind_case() == Value::KIND_NOT_SET;
}

// A string, number or bool as Terraform writes it.
std::string TextOf(const Value& value) {
  switch (value.kind_case()) {
    case Value::kStringValue:
      return value.string_value();
    case Value::kBoolValue:
      return value.bool_value() ? "true" : "false";
    case Value::kNumberValue: {
      const double number = value.number_value();
      const bool whole = number == std::floor(number) && std::abs(number) < 1e15;
      return whole ? absl::StrCat(static_cast<int64_t>(number)) : json(number).dump();
    }
    default:
      return value.ShortDebugString();
  }
}

// What Terraform makes of a value that fits a type: the rules hold for that.
Value Converted(const json& type, const Value& value) {
  Value converted = value;
  double number = 0;
  if (value.kind_case() == Value::kListValue || value.kind_case() == Value::kStructValue ||
      IsNull(value)) {
    return converted;
  }
  if (type == "string") {
    converted.set_string_value(TextOf(value));
  } else if (type == "number" && AsNumber(value, number)) {
    converted.set_number_value(number);
  } else if (type == "bool" && (TextOf(value) == "true" || TextOf(value) == "false")) {
    converted.set_bool_value(TextOf(value) == "true");
  }
  return converted;
}

// Checks one value against cty's JSON type.
class TypeChecker {
 public:
  explicit TypeChecker(Violations& violations) : violations_(violations) {}

  bool Check(const std::string& field, const json& type, const Value& value) {
    // Null inside a collection is Terraform's "not given".
    if (IsNull(value) || type == "dynamic") return true;
    if (type.is_string()) return CheckPrimitive(field, type.get<std::string>(), value);
    if (!type.is_array() || type.size() < 2) return true;
    const std::string kind = type[0].get<std::string>();
    if (kind == "list" || kind == "set") return CheckList(field, type[1], value);
    if (kind == "tuple") return CheckTuple(field, type[1], value);
    if (kind == "map") return CheckMap(field, type[1], value);
    if (kind == "object") return CheckObject(field, type, value);
    return true;
  }

 private:
  bool Wrong(const std::string& field, const char* expected, const Value& value) {
    violations_.Add(field, absl::StrCat("must be ", expected, ", not ", KindName(value)));
    return false;
  }

  bool CheckPrimitive(const std::string& field, const std::string& type, const Value& value) {
    double number = 0;
    if (value.kind_case() == Value::kNumberValue && !AsNumber(value, number)) {
      return Wrong(field, "a finite number", value);
    }
    if (type == "number" && !AsNumber(value, number)) return Wrong(field, "a number", value);
    if (type == "bool" && value.kind_case() != Value::kBoolValue &&
        value.string_value() != "true" && value.string_value() != "false") {
      return Wrong(field, "true or false", value);
    }
    if (type == "string" &&
        (value.kind_case() == Value::kListValue || value.kind_case() == Value::kStructValue)) {
      return Wrong(field, "a string", value);
    }
    return true;
  }

  bool CheckList(const std::string& field, const json& element, const Value& value) {
    if (value.kind_case() != Value::kListValue) return Wrong(field, "a list", value);
    bool good = true;
    for (int i = 0; i < value.list_value().values_size(); ++i) {
      good &= Check(absl::StrCat(field, "[", i, "]"), element, value.list_value().values(i));
    }
    return good;
  }

  bool CheckTuple(const std::string& field, const json& elements, const Value& value) {
    if (value.kind_case() != Value::kListValue) return Wrong(field, "a list", value);
    if (value.list_value().values_size() != static_cast<int>(elements.size())) {
      violations_.Add(field, absl::StrCat("must have ", elements.size(), " elements"));
      return false;
    }
    bool good = true;
    for (size_t i = 0; i < elements.size(); ++i) {
      good &= Check(absl::StrCat(field, "[", i, "]"), elements[i],
                    value.list_value().values(static_cast<int>(i)));
    }
    return good;
  }

  bool CheckMap(const std::string& field, const json& element, const Value& value) {
    if (value.kind_case() != Value::kStructValue) return Wrong(field, "an object", value);
    bool good = true;
    for (const auto& [key, item] : value.struct_value().fields()) {
      good &= Check(absl::StrCat(field, ".", key), element, item);
    }
    return good;
  }

  bool CheckObject(const std::string& field, const json& type, const Value& value) {
    if (value.kind_case() != Value::kStructValue) return Wrong(field, "an object", value);
    absl::flat_hash_set<std::string> optional;
    if (type.size() > 2) {
      for (const auto& name : type[2]) optional.insert(name.get<std::string>());
    }
    bool good = true;
    const auto& fields = value.struct_value().fields();
    for (const auto& [name, attribute] : type[1].items()) {
      const auto found = fields.find(name);
      if (found != fields.end()) {
        good &= Check(absl::StrCat(field, ".", name), attribute, found->second);
      } else if (!optional.contains(name)) {
        violations_.Add(absl::StrCat(field, ".", name), "is missing");
        good = false;
      }
    }
    return good;
  }

  Violations& violations_;
};

// The length rules speak of characters of a string, or elements of a collection; -1: no length.
int LengthOf(const Value& value) {
  switch (value.kind_case()) {
    case Value::kStringValue:
      return CharacterCount(value.string_value());
    case Value::kListValue:
      return value.list_value().values_size();
    case Value::kStructValue:
      return static_cast<int>(value.struct_value().fields().size());
    default:
      return -1;
  }
}

bool Same(const Value& a, const Value& b) {
  return google::protobuf::util::MessageDifferencer::Equals(a, b);
}

void CheckRules(const std::string& field, const v1::Parameter& parameter, const json& type,
                const Value& given, Violations& violations) {
  const Value value = Converted(type, given);
  double number = 0;
  const bool bounded = parameter.has_minimum() || parameter.has_maximum();
  if (bounded && AsNumber(value, number)) {
    if (parameter.has_minimum() && number < parameter.minimum()) {
      violations.Add(field, absl::StrCat("must be at least ", parameter.minimum()));
    }
    if (parameter.has_maximum() && number > parameter.maximum()) {
      violations.Add(field, absl::StrCat("must be at most ", parameter.maximum()));
    }
  }
  const int length = LengthOf(value);
  const char* unit = value.kind_case() == Value::kStringValue ? " characters" : " elements";
  if (parameter.has_min_length() && length >= 0 && length < parameter.min_length()) {
    violations.Add(field, absl::StrCat("must have at least ", parameter.min_length(), unit));
  }
  if (parameter.has_max_length() && length > parameter.max_length()) {
    violations.Add(field, absl::StrCat("must have at most ", parameter.max_length(), unit));
  }
  if (!parameter.pattern().empty() && value.kind_case() == Value::kStringValue) {
    RE2::Options options;
    options.set_log_errors(false);
    const RE2 pattern(parameter.pattern(), options);
    if (pattern.ok() && !RE2::FullMatch(value.string_value(), pattern)) {
      violations.Add(field, absl::StrCat("must match ", parameter.pattern()));
    }
  }
  if (parameter.allowed_values_size() > 0 &&
      std::none_of(parameter.allowed_values().begin(), parameter.allowed_values().end(),
                   [&](const Value& allowed) { return Same(Converted(type, allowed), value); })) {
    std::string list;
    for (const Value& allowed : parameter.allowed_values()) {
      absl::StrAppend(&list, list.empty() ? "" : ", ", TextOf(allowed));
    }
    violations.Add(field, absl::StrCat("must be one of ", list));
  }
}

void CheckValue(const std::string& field, const v1::Parameter& parameter, const Value& value,
                Violations& violations) {
  if (IsNull(value)) {
    if (!parameter.nullable()) violations.Add(field, "must not be null");
    return;
  }
  const json type = json::parse(parameter.type_json(), nullptr, false);
  if (!type.is_discarded() && !TypeChecker(violations).Check(field, type, value)) return;
  CheckRules(field, parameter, type, value, violations);
}

}  // namespace

void CheckParameters(std::string_view field,
                     const google::protobuf::RepeatedPtrField<v1::Parameter>& schema,
                     const Struct& values, Violations& violations) {
  absl::flat_hash_set<std::string> known;
  for (const v1::Parameter& parameter : schema) {
    if (parameter.injected()) continue;
    known.insert(parameter.name());
    const std::string path = absl::StrCat(std::string(field), ".", parameter.name());
    const auto found = values.fields().find(parameter.name());
    if (found != values.fields().end()) {
      CheckValue(path, parameter, found->second, violations);
    } else if (parameter.required()) {
      violations.Add(path, "is missing");
    }
  }
  for (const auto& [name, value] : values.fields()) {
    if (!known.contains(name)) {
      violations.Add(absl::StrCat(std::string(field), ".", name),
                     "is not a parameter of this template");
    }
  }
}

void CheckSchema(std::string_view field,
                 const google::protobuf::RepeatedPtrField<v1::Parameter>& schema,
                 Violations& violations) {
  for (const v1::Parameter& parameter : schema) {
    const std::string path = absl::StrCat(std::string(field), ".", parameter.name());
    if ((parameter.has_minimum() || parameter.has_maximum()) &&
        parameter.type_json() != "\"number\"" && parameter.type_json() != "\"dynamic\"") {
      violations.Add(path, absl::StrCat("minimum and maximum are for numbers, the module says ",
                                        parameter.type()));
    }
    if (!parameter.pattern().empty() && parameter.type_json() != "\"string\"" &&
        parameter.type_json() != "\"dynamic\"") {
      violations.Add(path,
                     absl::StrCat("pattern is for strings, the module says ", parameter.type()));
    }
    if (parameter.has_default_value() &&
        parameter.default_value().kind_case() != Value::kNullValue) {
      CheckValue(absl::StrCat(path, " (default)"), parameter, parameter.default_value(),
                 violations);
    }
    if (parameter.has_example()) {
      CheckValue(absl::StrCat(path, " (example)"), parameter, parameter.example(), violations);
    }
  }
}

Struct Mask(const google::protobuf::RepeatedPtrField<v1::Parameter>& schema, const Struct& values) {
  Struct masked = values;
  for (const v1::Parameter& parameter : schema) {
    const auto found = masked.mutable_fields()->find(parameter.name());
    if (parameter.sensitive() && found != masked.mutable_fields()->end()) {
      found->second.set_string_value(kMasked);
    }
  }
  return masked;
}

}  // namespace stackyard::stacks
