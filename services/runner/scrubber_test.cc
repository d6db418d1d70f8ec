#include "services/runner/scrubber.h"

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "common/utf8.h"
#include "services/runner/json_value.h"

namespace stackyard::runner {
namespace {

internal::v1::Assignment With(const std::string& parameters, const std::string& sensitive) {
  internal::v1::Assignment assignment;
  EXPECT_TRUE(
      google::protobuf::util::JsonStringToMessage(parameters, assignment.mutable_parameters())
          .ok());
  assignment.add_sensitive_parameters(sensitive);
  return assignment;
}

TEST(ScrubberTest, ReplacesEveryOccurrence) {
  const Scrubber scrubber(With(R"({"pw": "hunter2", "name": "visible"})", "pw"));
  EXPECT_EQ(scrubber.Scrub("hunter2 and hunter2, visible"), "(sensitive) and (sensitive), visible");
  EXPECT_TRUE(scrubber.Holds("xhunter2x"));
  EXPECT_FALSE(scrubber.Holds("hunter"));
}

TEST(ScrubberTest, LooksIntoStructures) {
  const Scrubber scrubber(With(R"({"s": {"a": ["deep-secret", {"b": 424242}], "c": true}})", "s"));
  EXPECT_EQ(scrubber.Scrub("deep-secret 424242 true"), "(sensitive) (sensitive) true");
}

TEST(ScrubberTest, ShortSecretsAreLeftAlone) {
  const Scrubber scrubber(With(R"({"pw": "abc"})", "pw"));
  EXPECT_EQ(scrubber.Scrub("abcabc"), "abcabc");
}

TEST(ScrubberTest, TheLongerOfTwoGoesFirst) {
  internal::v1::Assignment assignment = With(R"({"a": "secret", "b": "secret-and-more"})", "a");
  assignment.add_sensitive_parameters("b");
  EXPECT_EQ(Scrubber(assignment).Scrub("<secret-and-more>"), "<(sensitive)>");
}

TEST(ScrubberTest, KnowsTheFormInsideJson) {
  const Scrubber scrubber(With(R"({"pw": "say \"hi\" & <go>"})", "pw"));
  EXPECT_EQ(scrubber.Scrub(R"j({"x":"say \"hi\" & <go>"})j"), R"j({"x":"(sensitive)"})j");
  EXPECT_EQ(scrubber.Scrub(R"j({"x":"say \"hi\" \u0026 \u003cgo\u003e"})j"),
            R"j({"x":"(sensitive)"})j");
}

TEST(ScrubberTest, KnowsTheLinesOfLongSecrets) {
  const Scrubber scrubber(With(R"({"key": "-----BEGIN\nMIIEvQIBADAN\nx\n"})", "key"));
  EXPECT_EQ(scrubber.Scrub("a: MIIEvQIBADAN"), "a: (sensitive)");
  EXPECT_EQ(scrubber.Scrub("x"), "x");
}

TEST(ScrubberTest, KnowsSecretVariablesOfTheEnvironment) {
  internal::v1::Assignment assignment;
  (*assignment.mutable_environment())["AWS_SECRET_ACCESS_KEY"] = "wJalrXUt";
  (*assignment.mutable_environment())["AWS_ACCESS_KEY_ID"] = "AKIA1234";
  (*assignment.mutable_environment())["AWS_REGION"] = "eu-west-1";
  EXPECT_EQ(Scrubber(assignment).Scrub("wJalrXUt AKIA1234 eu-west-1"),
            "(sensitive) AKIA1234 eu-west-1");
  const Scrubber with_passed(assignment, {{"VAULT_TOKEN", "hvs.1234"}, {"REGION", "here"}});
  EXPECT_EQ(with_passed.Scrub("hvs.1234 wJalrXUt here"), "(sensitive) (sensitive) here");
}

TEST(ScrubberTest, LearnsWhatIsMarked) {
  Scrubber scrubber;
  scrubber.LearnMarked(
      nlohmann::json::parse(R"({"a":["open","shut-away"],"b":{"c":"hidden"},"d":1})"),
      nlohmann::json::parse(R"({"a":[false,true],"b":true,"x":true,"d":{"e":true}})"));
  EXPECT_EQ(scrubber.Scrub("open shut-away hidden"), "open (sensitive) (sensitive)");
}

TEST(ScrubberTest, KnowsNothingByItself) {
  EXPECT_EQ(Scrubber().Scrub("anything"), "anything");
  EXPECT_FALSE(Scrubber().Holds("anything"));
}

TEST(JsonValueTest, GoesThereAndBack) {
  const auto json = nlohmann::json::parse(
      R"({"a":[1,2.5,-3,"x",null,true,{}],"big":9007199254740992,"huge":1e300,"list":[]})");
  const google::protobuf::Value value = ToValue(json);
  EXPECT_EQ(ToJson(value), json);
  EXPECT_EQ(ToJson(value)["a"].dump(), R"([1,2.5,-3,"x",null,true,{}])");
  EXPECT_EQ(ToJson(value)["big"].dump(), "9007199254740992");
}

TEST(Utf8Test, ReplacesWhatIsNone) {
  EXPECT_EQ(ValidUtf8("plain, ü, €, 😀"), "plain, ü, €, 😀");
  EXPECT_EQ(ValidUtf8("a\xff"
                      "b\xc3"),
            "a?b?");
  EXPECT_EQ(ValidUtf8("\xed\xa0\x80"), "???");
  EXPECT_EQ(ValidUtf8("\xc0\xaf"), "??");
  EXPECT_EQ(ValidUtf8(std::string_view("\0x", 2)), "?x");
}

}  // namespace
}  // namespace stackyard::runner
