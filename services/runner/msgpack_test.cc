#include "services/runner/msgpack.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "services/runner/stored_value.h"

namespace stackyard::runner {
namespace {

using nlohmann::json;

std::string Encoded(const json& value) {
  const auto bytes = json::to_msgpack(value);
  return {bytes.begin(), bytes.end()};
}

// An oracle: the library writes, and what is read must be the same.
TEST(MsgpackTest, ReadsWhatAnotherWrites) {
  const json numbers = {0,
                        127,
                        128,
                        255,
                        256,
                        65535,
                        65536,
                        4294967295,
                        4294967296,
                        UINT64_MAX,
                        -1,
                        -32,
                        -33,
                        -128,
                        -129,
                        -32768,
                        -32769,
                        INT32_MIN,
                        int64_t{INT32_MIN} - 1,
                        INT64_MIN,
                        0.5,
                        -1e300};
  const json type = {"list", "number"};
  EXPECT_EQ(*ReadStoredValue(Encoded(numbers), type), numbers);
  for (const size_t size : {0, 15, 16, 31, 32, 255, 256, 65535, 65536, 100000}) {
    const json text = std::string(size, 'x');
    EXPECT_EQ(*ReadStoredValue(Encoded(text), "string"), text) << size;
    const json list(size, true);
    EXPECT_EQ(*ReadStoredValue(Encoded(list), {"list", "bool"}), list) << size;
    json map = json::object();
    for (size_t i = 0; i < size; ++i) map[std::to_string(i)] = i;
    EXPECT_EQ(*ReadStoredValue(Encoded(map), {"map", "number"}), map) << size;
  }
}

TEST(MsgpackTest, EveryCutIsAnError) {
  const json value = {{"a", {1, 70000, "text", 1.5, nullptr, true}}, {"b", std::string(300, 'x')}};
  const json type = json::parse(
      R"(["object",{"a":["tuple",["number","number","string","number","string","bool"]],"b":"string"}])");
  const std::string bytes = Encoded(value);
  EXPECT_EQ(*ReadStoredValue(bytes, type), value);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(ReadStoredValue(bytes.substr(0, size), type).ok()) << size;
  }
  EXPECT_FALSE(ReadStoredValue(bytes + bytes, type).ok());
}

TEST(StoredValueTest, UnknownOfBothKinds) {
  using std::string_literals::operator""s;
  for (const std::string& unknown : {"\xd4\x00\x00"s, "\xc7\x03\x0c\x81\x01\xc2"s}) {
    const auto value = ReadStoredValue("\x92" + unknown + "\xa1x", {"list", "string"});
    ASSERT_TRUE(value.ok()) << value.status();
    EXPECT_TRUE(IsUnknown((*value)[0]));
    EXPECT_EQ(KnownPart(*value), json({nullptr, "x"}));
    EXPECT_EQ(UnknownMarks(*value), json({true, false}));
  }
  EXPECT_FALSE(ReadStoredValue("\xd4\x07\x00"s, "string").ok()) << "another extension";
}

TEST(StoredValueTest, PartsThatAreUnknown) {
  const json value = {
      {"known", "x"}, {"unknown", json::binary({})}, {"in", {{"a", json::binary({})}}}};
  EXPECT_TRUE(HoldsUnknown(value));
  EXPECT_EQ(KnownPart(value), json::parse(R"({"known":"x","in":{}})"));
  EXPECT_EQ(UnknownMarks(value), json::parse(R"({"unknown":true,"in":{"a":true}})"));
  EXPECT_FALSE(HoldsUnknown({{"a", {1, nullptr}}}));
}

TEST(StoredValueTest, DynamicValuesBringTheirTypes) {
  const std::string type = R"(["list","number"])";
  const std::string bytes =
      "\x92\xc4" + std::string(1, static_cast<char>(type.size())) + type + "\x92\x01\xa3" + "0.1";
  EXPECT_EQ(*ReadStoredValue(bytes, "dynamic"), json({1, 0.1}));
  EXPECT_FALSE(ReadStoredValue("\xa1x", "dynamic").ok()) << "no type";
  EXPECT_EQ(*ReadStateValue(json::parse(R"({"value":[1],"type":["list","number"]})"), "dynamic"),
            json({1}));
  EXPECT_FALSE(ReadStateValue("x", "dynamic").ok());
}

TEST(StoredValueTest, RefusesWhatTheSchemaDoesNotHave) {
  const json type = json::parse(R"(["object",{"a":"string","n":"number"}])");
  for (const char* value : {R"({"b":"x"})", R"({"a":1})", R"({"a":["x"]})", R"("x")", R"([])",
                            R"({"n":"no number"})", R"({"n":true})"}) {
    const auto read = ReadStoredValue(Encoded(json::parse(value)), type);
    EXPECT_EQ(read.ok(), std::string(value) == "[]") << value;
  }
  EXPECT_EQ(*ReadStoredValue(Encoded(json::parse(R"({"n":"12.5"})")), type), json({{"n", 12.5}}));
  EXPECT_FALSE(ReadStoredValue(Encoded(INFINITY), "number").ok());
}

TEST(StoredValueTest, DeepValuesAreRefusedNotFollowed) {
  json type = "string";
  for (int i = 0; i < 1000; ++i) type = json::array({"list", std::move(type)});
  EXPECT_FALSE(ReadStoredValue(std::string(1000, '\x91') + "\xa1x", type).ok());
}

}  // namespace
}  // namespace stackyard::runner
