#include "services/stacks/parameters.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>

#include <cmath>
#include <limits>

#include "services/stacks/test_faults.h"

namespace stackyard::stacks {
namespace {

using google::protobuf::RepeatedPtrField;
using google::protobuf::Struct;
using google::protobuf::Value;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

using Schema = RepeatedPtrField<v1::Parameter>;

Value FromJson(const std::string& json) {
  Value value;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &value);
  EXPECT_TRUE(status.ok()) << json << ": " << status.ToString();
  return value;
}

v1::Parameter Typed(const std::string& type_json, bool required = false) {
  v1::Parameter parameter;
  parameter.set_name("p");
  parameter.set_type("what the module says");
  parameter.set_type_json(type_json);
  parameter.set_required(required);
  return parameter;
}

Schema Only(const v1::Parameter& parameter) {
  Schema schema;
  *schema.Add() = parameter;
  return schema;
}

std::vector<std::string> Check(const Schema& schema, const std::string& json) {
  Violations violations;
  CheckParameters("stack.parameters", schema, FromJson(json).struct_value(), violations);
  return FaultsOf(violations.ToStatus());
}

// The faults of one value under one parameter.
std::vector<std::string> CheckOne(const v1::Parameter& parameter, const std::string& json) {
  return Check(Only(parameter), "{\"p\": " + json + "}");
}

struct TypeCase {
  const char* type;
  std::vector<const char*> good;
  std::vector<const char*> bad;
};

TEST(ParametersTest, TypesAreCheckedAndConvertedAsTerraformDoes) {
  const std::vector<TypeCase> cases = {
      {R"("string")", {R"("a")", R"("")", "3", "0.5", "true"}, {"[]", "{}", R"(["a"])"}},
      {R"("number")",
       {"3", "-1.5", "1e9", R"("3")", R"("-0.25")"},
       {"true", R"("three")", R"("")", R"("nan")", R"("inf")", "[]", "{}"}},
      {R"("bool")", {"true", "false", R"("true")", R"("false")"}, {"1", R"("yes")", "[]", "{}"}},
      {R"("dynamic")", {"1", R"("a")", "[]", R"({"a": [1, "b"]})"}, {}},
      {R"(["list","string"])", {"[]", R"(["a", 1, true])"}, {R"("a")", "{}", R"([["a"]])"}},
      {R"(["set","number"])", {"[]", R"([1, "2"])"}, {"1", R"([1, "two"])", R"([{}])"}},
      {R"(["map","bool"])", {"{}", R"({"a": true})"}, {"[]", R"({"a": "maybe"})"}},
      {R"(["tuple",["string","number"]])",
       {R"(["a", 1])"},
       {"[]", R"(["a"])", R"(["a", 1, 2])", R"(["a", "b"])"}},
      {R"(["object",{"name":"string","size":"number"},["size"]])",
       {R"({"name": "a"})", R"({"name": "a", "size": 1})", R"({"name": "a", "more": 1})"},
       {"{}", R"({"size": 1})", R"({"name": "a", "size": "big"})", "[]", R"("a")"}},
      {R"(["list",["object",{"cidr":"string","ports":["list","number"]},["ports"]]])",
       {"[]", R"([{"cidr": "10.0.0.0/8"}])", R"([{"cidr": "x", "ports": [80]}])"},
       {R"([{"ports": [80]}])", R"([{"cidr": "x", "ports": 80}])", R"(["x"])"}},
  };
  for (const TypeCase& one : cases) {
    const v1::Parameter parameter = Typed(one.type);
    for (const char* json : one.good) {
      EXPECT_THAT(CheckOne(parameter, json), IsEmpty()) << one.type << " <- " << json;
    }
    for (const char* json : one.bad) {
      EXPECT_THAT(CheckOne(parameter, json), testing::SizeIs(1)) << one.type << " <- " << json;
    }
  }
}

TEST(ParametersTest, FaultsInsideCollectionsNameTheirPath) {
  EXPECT_THAT(
      CheckOne(
          Typed(R"(["list",["object",{"cidr":"string","ports":["list","number"]},["ports"]]])"),
          R"([{"cidr": "a"}, {"cidr": "b", "ports": [80, "http"]}, {}])"),
      ElementsAre("stack.parameters.p[1].ports[1]: must be a number, not a string",
                  "stack.parameters.p[2].cidr: is missing"));
  EXPECT_THAT(CheckOne(Typed(R"(["map","number"])"), R"({"a": 1, "b": []})"),
              ElementsAre("stack.parameters.p.b: must be a number, not a list"));
}

TEST(ParametersTest, UnknownAndMissingNamesAreFaults) {
  Schema schema = Only(Typed(R"("string")", true));
  EXPECT_THAT(Check(schema, "{}"), ElementsAre("stack.parameters.p: is missing"));
  EXPECT_THAT(Check(schema, R"({"p": "a", "q": 1})"),
              ElementsAre("stack.parameters.q: is not a parameter of this template"));
  schema = Only(Typed(R"("string")", false));
  EXPECT_THAT(Check(schema, "{}"), IsEmpty());
}

TEST(ParametersTest, InjectedParametersCannotBeGiven) {
  v1::Parameter parameter = Typed(R"("string")", true);
  parameter.set_injected(true);
  EXPECT_THAT(Check(Only(parameter), "{}"), IsEmpty());
  EXPECT_THAT(CheckOne(parameter, R"("mine")"), testing::SizeIs(1));
}

TEST(ParametersTest, NullIsAValueOnlyWhereTheModuleSaysSo) {
  v1::Parameter parameter = Typed(R"("string")");
  EXPECT_THAT(CheckOne(parameter, "null"), ElementsAre("stack.parameters.p: must not be null"));
  parameter.set_nullable(true);
  parameter.set_min_length(3);
  EXPECT_THAT(CheckOne(parameter, "null"), IsEmpty());
}

TEST(ParametersTest, AValueThatIsNoneAtAllIsNull) {
  Struct values;
  (*values.mutable_fields())["p"] = Value();
  Violations violations;
  CheckParameters("f", Only(Typed(R"("string")")), values, violations);
  EXPECT_THAT(FaultsOf(violations.ToStatus()), ElementsAre("f.p: must not be null"));
}

TEST(ParametersTest, NumbersThatJsonCannotSayAreRefused) {
  for (const double number : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    for (const char* type : {R"("number")", R"("string")"}) {
      Struct values;
      (*values.mutable_fields())["p"].set_number_value(number);
      Violations violations;
      CheckParameters("f", Only(Typed(type)), values, violations);
      EXPECT_FALSE(violations.empty()) << type;
    }
  }
}

TEST(ParametersTest, RangesHoldForNumbersHoweverTheyAreWritten) {
  v1::Parameter parameter = Typed(R"("number")");
  parameter.set_minimum(1);
  parameter.set_maximum(10.5);
  for (const char* json : {"1", "10.5", R"("10")"}) {
    EXPECT_THAT(CheckOne(parameter, json), IsEmpty()) << json;
  }
  for (const char* json : {"0.999", R"("0")"}) {
    EXPECT_THAT(CheckOne(parameter, json), ElementsAre("stack.parameters.p: must be at least 1"))
        << json;
  }
  EXPECT_THAT(CheckOne(parameter, R"("11")"),
              ElementsAre("stack.parameters.p: must be at most 10.5"));
}

TEST(ParametersTest, LengthsCountCharactersOrElements) {
  v1::Parameter text = Typed(R"("string")");
  text.set_min_length(2);
  text.set_max_length(3);
  EXPECT_THAT(CheckOne(text, R"("äöü")"), IsEmpty()) << "characters, not bytes";
  EXPECT_THAT(CheckOne(text, R"("ä")"),
              ElementsAre("stack.parameters.p: must have at least 2 characters"));
  EXPECT_THAT(CheckOne(text, R"("abcd")"),
              ElementsAre("stack.parameters.p: must have at most 3 characters"));
  v1::Parameter list = Typed(R"(["list","string"])");
  list.set_min_length(1);
  list.set_max_length(2);
  EXPECT_THAT(CheckOne(list, "[]"),
              ElementsAre("stack.parameters.p: must have at least 1 elements"));
  EXPECT_THAT(CheckOne(list, R"(["a", "b", "c"])"),
              ElementsAre("stack.parameters.p: must have at most 2 elements"));
  v1::Parameter map = Typed(R"(["map","string"])");
  map.set_max_length(1);
  EXPECT_THAT(CheckOne(map, R"({"a": "1", "b": "2"})"), testing::SizeIs(1));
}

TEST(ParametersTest, APatternMustMatchTheWholeString) {
  v1::Parameter parameter = Typed(R"("string")");
  parameter.set_pattern("[a-z]+");
  EXPECT_THAT(CheckOne(parameter, R"("abc")"), IsEmpty());
  for (const char* json : {R"("abc1")", R"("1abc")", R"("")", R"("abc\n")"}) {
    EXPECT_THAT(CheckOne(parameter, json), ElementsAre("stack.parameters.p: must match [a-z]+"))
        << json;
  }
}

// Terraform turns them into strings, so the rules for strings hold.
TEST(ParametersTest, NumbersAndBoolsDoNotSlipPastTheRulesForStrings) {
  v1::Parameter parameter = Typed(R"("string")");
  parameter.set_pattern("[a-z]{5,6}");
  EXPECT_THAT(CheckOne(parameter, "12"), testing::SizeIs(1));
  EXPECT_THAT(CheckOne(parameter, "true"), testing::SizeIs(1));
  EXPECT_THAT(CheckOne(parameter, "false"), IsEmpty());
  parameter.clear_pattern();
  parameter.set_max_length(3);
  EXPECT_THAT(CheckOne(parameter, "123"), IsEmpty());
  EXPECT_THAT(CheckOne(parameter, "1234"), testing::SizeIs(1));
  EXPECT_THAT(CheckOne(parameter, "1.25"), testing::SizeIs(1));
}

TEST(ParametersTest, OnlyAllowedValuesAreAllowed) {
  v1::Parameter parameter = Typed(R"("string")");
  *parameter.add_allowed_values() = FromJson(R"("small")");
  *parameter.add_allowed_values() = FromJson(R"("large")");
  EXPECT_THAT(CheckOne(parameter, R"("large")"), IsEmpty());
  EXPECT_THAT(CheckOne(parameter, R"("Large")"),
              ElementsAre("stack.parameters.p: must be one of small, large"));
  parameter = Typed(R"("number")");
  *parameter.add_allowed_values() = FromJson("1");
  *parameter.add_allowed_values() = FromJson("3");
  EXPECT_THAT(CheckOne(parameter, "3"), IsEmpty());
  EXPECT_THAT(CheckOne(parameter, R"("3")"), IsEmpty()) << "which Terraform takes for 3";
  EXPECT_THAT(CheckOne(parameter, "2"), ElementsAre("stack.parameters.p: must be one of 1, 3"));
}

TEST(ParametersTest, AWrongTypeIsToldOnceAndWithoutItsRules) {
  v1::Parameter parameter = Typed(R"("number")");
  parameter.set_minimum(1);
  *parameter.add_allowed_values() = FromJson("1");
  EXPECT_THAT(CheckOne(parameter, "[]"),
              ElementsAre("stack.parameters.p: must be a number, not a list"));
}

TEST(ParametersTest, TellsAllViolationsAtOnce) {
  Schema schema;
  const auto add = [&](const char* name, const char* type, bool required) -> v1::Parameter& {
    v1::Parameter& parameter = *schema.Add();
    parameter = Typed(type, required);
    parameter.set_name(name);
    return parameter;
  };
  add("name", R"("string")", true).set_pattern("[a-z]+");
  add("size", R"("number")", true).set_maximum(8);
  add("region", R"("string")", true);
  add("zones", R"(["list","string"])", false).set_min_length(2);
  EXPECT_THAT(Check(schema, R"({"name": "Shop", "size": 9, "zones": ["a"], "colour": "red"})"),
              UnorderedElementsAre("stack.parameters.name: must match [a-z]+",
                                   "stack.parameters.size: must be at most 8",
                                   "stack.parameters.region: is missing",
                                   "stack.parameters.zones: must have at least 2 elements",
                                   "stack.parameters.colour: is not a parameter of this template"));
}

std::vector<std::string> CheckIt(const v1::Parameter& parameter) {
  Violations violations;
  CheckSchema("template.yaml parameters", Only(parameter), violations);
  return FaultsOf(violations.ToStatus());
}

TEST(ParametersTest, ASchemaMustFitItsTypes) {
  v1::Parameter parameter = Typed(R"("string")");
  parameter.set_minimum(1);
  EXPECT_THAT(CheckIt(parameter), ElementsAre(HasSubstr("minimum and maximum are for numbers")));
  parameter = Typed(R"("number")");
  parameter.set_pattern("[0-9]+");
  EXPECT_THAT(CheckIt(parameter), ElementsAre(HasSubstr("pattern is for strings")));
  parameter = Typed(R"("number")");
  parameter.set_minimum(5);
  *parameter.mutable_default_value() = FromJson("4");
  *parameter.mutable_example() = FromJson(R"("many")");
  EXPECT_THAT(CheckIt(parameter),
              ElementsAre("template.yaml parameters.p (default): must be at least 5",
                          "template.yaml parameters.p (example): must be a number, not a string"));
  parameter = Typed(R"("string")");
  *parameter.mutable_default_value() = FromJson("null");
  EXPECT_THAT(CheckIt(parameter), IsEmpty()) << "a default of null means: not given";
}

TEST(ParametersTest, SensitiveValuesAreMaskedWhatEverTheyAre) {
  Schema schema;
  for (const char* name : {"password", "keys", "size"}) {
    v1::Parameter& parameter = *schema.Add();
    parameter.set_name(name);
    parameter.set_sensitive(std::string(name) != "size");
  }
  const Struct values =
      FromJson(R"({"password": "hunter2", "keys": {"a": ["k1"]}, "size": 3})").struct_value();
  const Struct masked = Mask(schema, values);
  EXPECT_EQ(masked.fields().at("password").string_value(), kMasked);
  EXPECT_EQ(masked.fields().at("keys").string_value(), kMasked);
  EXPECT_EQ(masked.fields().at("size").number_value(), 3);
  EXPECT_EQ(masked.ShortDebugString().find("hunter2"), std::string::npos);
  EXPECT_EQ(values.fields().at("password").string_value(), "hunter2");
}

}  // namespace
}  // namespace stackyard::stacks
