#include "services/stacks/output_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stackyard::stacks {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

TEST(OutputTextTest, ValuesAreSpelledAsInTheState) {
  const auto outputs = ReadOutputs(R"({
    "version": 4, "serial": 1, "lineage": "x",
    "outputs": {
      "big": {"value": 12345678901234567890123, "type": "number"},
      "whole": {"value": 1.0, "type": "number"},
      "negative": {"value": -9223372036854775807},
      "unsigned": {"value": 18446744073709551615},
      "text": {"value": "a \"b\"\n\u00e9 </x>", "type": "string"},
      "list": {"value": [ 1, [], {"a": [true, null]}, "x" ]},
      "map": {"value": {"b": {"value": 1, "sensitive": true}, "a": {}, "outputs": 2.50}},
      "secret": {"value": "s3cret", "sensitive": true},
      "nothing": {"value": null}
    },
    "resources": [{"outputs": {"x": {"value": 1}}, "value": 2}]
  })");
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  EXPECT_THAT(*outputs, SizeIs(9));
  EXPECT_EQ(outputs->at("big").json, "12345678901234567890123");
  EXPECT_EQ(outputs->at("whole").json, "1.0");
  EXPECT_EQ(outputs->at("negative").json, "-9223372036854775807");
  EXPECT_EQ(outputs->at("unsigned").json, "18446744073709551615");
  EXPECT_EQ(outputs->at("text").json, "\"a \\\"b\\\"\\n\xC3\xA9 </x>\"");
  EXPECT_TRUE(outputs->at("text").is_string);
  EXPECT_EQ(outputs->at("text").text, "a \"b\"\n\xC3\xA9 </x>");
  EXPECT_EQ(outputs->at("list").json, R"([1,[],{"a":[true,null]},"x"])");
  EXPECT_FALSE(outputs->at("list").is_string);
  EXPECT_EQ(outputs->at("map").json, R"({"b":{"value":1,"sensitive":true},"a":{},"outputs":2.50})");
  EXPECT_FALSE(outputs->at("map").sensitive);
  EXPECT_TRUE(outputs->at("secret").sensitive);
  EXPECT_EQ(outputs->at("nothing").json, "null");
}

TEST(OutputTextTest, WhatIsNoStateHasNoOutputs) {
  EXPECT_THAT(*ReadOutputs(R"({"outputs":{}})"), IsEmpty());
  EXPECT_THAT(*ReadOutputs(R"({"version":4})"), IsEmpty());
  EXPECT_FALSE(ReadOutputs("{").ok());
}

}  // namespace
}  // namespace stackyard::stacks
