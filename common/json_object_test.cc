#include "common/json_object.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "stackyard/v1/documents.pb.h"

namespace stackyard {
namespace {

using testing::HasSubstr;

std::string FaultOf(std::string_view text, const JsonLimits& limits = {}) {
  const absl::Status status = CheckJsonObject(text, limits);
  EXPECT_FALSE(status.ok()) << text;
  return std::string(status.message());
}

// Objects and lists in turn, an object outermost.
std::string Nested(int depth) {
  std::string text = "1";
  for (int level = depth; level-- > 0;) {
    text = level % 2 == 0 ? absl::StrCat("{\"a\":", text, "}") : absl::StrCat("[", text, "]");
  }
  return text;
}

TEST(JsonObjectTest, TakesObjects) {
  for (const char* text : {"{}", " { } \n", R"({"b":1.0,"a":12345678901234567890})",
                           R"({"a":{"a":[{"a":1},{"a":2}]},"b":null,"c":true,"d":-0.5e-7})",
                           "{\"\xC3\xA9\":\"\xF0\x9F\x8D\x8E \\ud83c\\udf4e \\u0000\"}",
                           R"({"n":123456789012345678901234567890,"":""})"}) {
    EXPECT_TRUE(CheckJsonObject(text).ok()) << text << CheckJsonObject(text);
    EXPECT_TRUE(ToStruct(text).ok()) << text;
  }
  EXPECT_TRUE(CheckJsonObject(Nested(30)).ok());
  EXPECT_TRUE(ToStruct(Nested(30)).ok());
  // What is read as a message can be read again on the other side, where it is part of another.
  std::string deepest = "1";
  for (int level = 0; level < 30; ++level) deepest = absl::StrCat("{\"a\":", deepest, "}");
  ASSERT_TRUE(CheckJsonObject(deepest).ok());
  v1::Document document, again;
  *document.mutable_content() = *ToStruct(deepest);
  EXPECT_TRUE(again.ParseFromString(document.SerializeAsString()));
}

TEST(JsonObjectTest, FaultsAreToldWithTheirPlace) {
  EXPECT_THAT(FaultOf(""), HasSubstr("line 1, column 1"));
  for (const char* text : {"[]", "1", "\"a\"", "null", "[{}]"}) {
    EXPECT_THAT(FaultOf(text), HasSubstr("must be a JSON object")) << text;
  }
  EXPECT_THAT(FaultOf("{\"a\":1}x"), HasSubstr("line 1, column 8"));
  EXPECT_THAT(FaultOf("{\"a\":1}{}"), HasSubstr("line 1, column 8"));
  EXPECT_THAT(FaultOf("{\n  \"a\": 1,\n  \"b\": tru\n}"), HasSubstr("line 3, column "));
  EXPECT_THAT(FaultOf("{\"a\":1,}"), HasSubstr("line 1, column 8"));
  EXPECT_THAT(FaultOf("{\"a\":01}"), HasSubstr("line 1, column 7"));
  EXPECT_THAT(FaultOf("{'a':1}"), HasSubstr("line 1, column 2"));
  EXPECT_THAT(FaultOf("{\"a\":NaN}"), HasSubstr("line 1"));
  EXPECT_THAT(FaultOf("{\"a\":1e999}"), HasSubstr("number overflow"));
  EXPECT_THAT(FaultOf("{\"a\":\"\xC3\"}"), HasSubstr("UTF-8"));
  EXPECT_THAT(FaultOf("{\"a\":\"\\ud800\"}"), HasSubstr("line 1"));
  EXPECT_THAT(FaultOf("\xef\xbb\xbf{}"), HasSubstr("byte order mark"));
  EXPECT_THAT(FaultOf(std::string("{}\0", 3)), HasSubstr("column 3"));
  EXPECT_THAT(FaultOf("{\"a\":1 // one\n}"), HasSubstr("column 8"));
}

TEST(JsonObjectTest, NoKeyStandsTwice) {
  EXPECT_THAT(FaultOf(R"({"a":1,"b":{"c":1,"c":2}})"),
              testing::AllOf(HasSubstr("the key \"c\" stands twice"), HasSubstr("column 21")));
  // Also when it is spelled in another way.
  EXPECT_THAT(FaultOf(R"({"a":1,"\u0061":2})"), HasSubstr("stands twice"));
  EXPECT_TRUE(CheckJsonObject(R"({"a":[{"a":1},{"a":2}]})").ok());
}

TEST(JsonObjectTest, Limits) {
  EXPECT_THAT(FaultOf(Nested(31)), HasSubstr("nested more than 30 deep"));
  EXPECT_THAT(FaultOf(std::string(1 << 19, '[')), HasSubstr("must be a JSON object"));
  EXPECT_THAT(FaultOf("{\"a\":" + std::string(1 << 19, '[')),
              HasSubstr("nested more than 30 deep"));
  const std::string most = "{\"a\":\"" + std::string((1 << 20) - 8, 'x') + "\"}";
  EXPECT_TRUE(CheckJsonObject(most).ok());
  EXPECT_THAT(FaultOf(most + " "), HasSubstr("at most 1048576"));
}

}  // namespace
}  // namespace stackyard
