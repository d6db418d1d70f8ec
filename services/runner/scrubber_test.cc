#include "services/runner/scrubber.h"

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "absl/strings/escaping.h"
#include "common/status.h"
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

std::string Base64(const std::string& text) { return absl::Base64Escape(text); }

TEST(ScrubberTest, KnowsOtherEncodings) {
  const std::string secret = "p@ss w/rd+<&>\"'\xc3\xa9";
  internal::v1::Assignment assignment;
  auto& keys = *assignment.add_credentials()->mutable_static_();
  (*keys.mutable_secret_variables())["ANY_NAME"] = secret;
  const Scrubber scrubber(assignment);
  for (const char* encoded : {
           "p@ss w/rd+<&>\\\"'\xc3\xa9",
           "p@ss w/rd+\\u003c\\u0026\\u003e\\\"'\\u00e9",
           "p@ss w/rd+<&>\\\\\\\"'\xc3\xa9",
           "p@ss w/rd+&lt;&amp;&gt;&quot;&apos;\xc3\xa9",
           "p@ss w/rd+&lt;&amp;&gt;&#34;&#39;\xc3\xa9",
           "p%40ss%20w%2Frd%2B%3C%26%3E%22%27%C3%A9",
           "p%40ss+w%2frd%2b%3c%26%3e%22%27%c3%a9",
           "p@ss%20w%2Frd+%3C&%3E%22%27%C3%A9",
           "70407373207"
           "72f72642b3c263e2227c3a9",
           "7040737320772F72642B3C263E2227C3A9",
       }) {
    EXPECT_EQ(scrubber.Scrub("<" + std::string(encoded) + ">"), "<(sensitive)>") << encoded;
  }
}

TEST(ScrubberTest, KnowsPackedJson) {
  const Scrubber scrubber(With(R"({"pw": {"a": "say \"<hush>\" now"}})", "pw"));
  const std::string json = R"({"x":"say \"\u003chush\u003e\" now"})";
  for (const std::string& packed : {Base64(json), absl::BytesToHexString(json)}) {
    const std::string shown = scrubber.Scrub(packed);
    EXPECT_NE(shown.find("(sensitive)"), std::string::npos) << shown;
    EXPECT_LT(shown.size(), 40) << shown;
  }
}

TEST(ScrubberTest, KnowsBase64WhereverItBegins) {
  internal::v1::Assignment assignment;
  auto& keys = *assignment.add_credentials()->mutable_static_();
  (*keys.mutable_secret_variables())["TOKEN"] = "correct-horse-battery";
  const Scrubber scrubber(assignment);
  for (const std::string before : {"", "u", "us", "use", "user:", "username:"}) {
    for (const std::string after : {"", "\n", "!!", "and more"}) {
      const std::string encoded = Base64(before + "correct-horse-battery" + after);
      const std::string shown = scrubber.Scrub(encoded);
      EXPECT_NE(shown.find("(sensitive)"), std::string::npos) << before << "|" << after;
      // What is left at either end holds at most a character of the secret.
      std::string rest;
      absl::Base64Unescape(shown.substr(0, shown.find("(sens")), &rest);
      EXPECT_EQ(rest.find("co"), std::string::npos);
    }
  }
}

TEST(ScrubberTest, KnowsWhatTheStateCallsSensitive) {
  internal::v1::Assignment assignment;
  assignment.set_state(R"({"outputs": {
      "open": {"value": "in-the-open"}, "shut": {"value": {"a": "shut-away"}, "sensitive": true}},
    "resources": [{"instances": [{
      "attributes": {"secret_string": "from-the-vault", "name": "visible-name",
                     "list": [{"key": "list-key-1"}, {"key": "list-key-2"}],
                     "map": {"k": "map-value"}, "set": [{"x": "set-member"}]},
      "sensitive_attributes": [
        [{"type": "get_attr", "value": "secret_string"}],
        [{"type": "get_attr", "value": "list"}, {"type": "index", "value": {"value": 1, "type": "number"}},
         {"type": "get_attr", "value": "key"}],
        [{"type": "get_attr", "value": "map"}, {"type": "index", "value": {"value": "k", "type": "string"}}],
        [{"type": "get_attr", "value": "set"}, {"type": "index", "value": {"value": {"x": "set-member"}, "type": ["object", {}]}}],
        [{"type": "get_attr", "value": "missing"}]]}]}]})");
  const Scrubber scrubber(assignment);
  EXPECT_EQ(scrubber.Scrub("in-the-open visible-name list-key-1"),
            "in-the-open visible-name list-key-1");
  EXPECT_EQ(scrubber.Scrub("shut-away from-the-vault list-key-2 map-value set-member"),
            "(sensitive) (sensitive) (sensitive) (sensitive) (sensitive)");
  assignment.set_state("no JSON");
  EXPECT_FALSE(Scrubber(assignment).Holds("no JSON"));
}

TEST(ScrubberTest, KnowsPartsOfKeyFilesAndPasswordsInUrls) {
  internal::v1::Assignment assignment;
  auto& keys = *assignment.add_credentials()->mutable_static_();
  (*keys.mutable_secret_variables())["GOOGLE_CREDENTIALS"] =
      R"({"private_key": "-----BEGIN KEY-----\nMIIEvQIBADAN\n", "client_email": "me@example.com"})";
  (*keys.mutable_variables())["HTTPS_PROXY"] = "http://me:open-sesame@proxy:3128/x@y";
  const Scrubber scrubber(assignment);
  EXPECT_EQ(scrubber.Scrub("MIIEvQIBADAN of me@example.com"), "(sensitive) of me@example.com");
  EXPECT_EQ(scrubber.Scrub("http://me:open-sesame@proxy:3128"), "http://me:(sensitive)@proxy:3128");
}

TEST(ScrubberTest, SignedTokensAreSecretsByThemselves) {
  const std::string token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4eHgifQ.c2lnbmF0dXJl-_";
  EXPECT_EQ(Scrubber().Scrub("WebIdentityToken=" + token + "&x"), "WebIdentityToken=(sensitive)&x");
  EXPECT_EQ(Scrubber().Scrub(token), "(sensitive)");
  for (const char* none : {"eyJ", "eyJhbGciOiJSUzI1NiJ9", "eyJhbGciOiJSUzI1NiJ9.x.y", "eyJ.a.b"}) {
    EXPECT_EQ(Scrubber().Scrub(none), none);
  }
}

TEST(ScrubberTest, SecretsThatOverlapAreHiddenWhole) {
  internal::v1::Assignment assignment = With(R"({"a": "abcdefgh", "b": "efghijkl"})", "a");
  assignment.add_sensitive_parameters("b");
  EXPECT_EQ(Scrubber(assignment).Scrub("<abcdefghijkl>"), "<(sensitive)>");
}

TEST(ScrubberTest, ErrorsAreScrubbedWithTheirMetadata) {
  const Scrubber scrubber(With(R"({"pw": "hunter2"})", "pw"));
  const absl::Status status = scrubber.Scrub(
      Error(v1::RUN_FAILED, "no hunter2", {{"step", "plan"}, {"address", "x[\"hunter2\"]"}}));
  EXPECT_EQ(ReasonOf(status), v1::RUN_FAILED);
  EXPECT_EQ(status.ToString().find("hunter2"), std::string::npos);
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(ReadDetail(status, info));
  EXPECT_EQ(info.metadata().at("address"), "x[\"(sensitive)\"]");
  EXPECT_EQ(info.metadata().at("step"), "plan");
  EXPECT_TRUE(scrubber.Scrub(absl::OkStatus()).ok());
}

// The slow and obviously right way.
std::string Masked(std::string text, const std::vector<std::string>& secrets) {
  std::vector<bool> hidden(text.size());
  for (const std::string& secret : secrets) {
    for (size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 1)) {
      std::fill_n(hidden.begin() + static_cast<std::ptrdiff_t>(at), secret.size(), true);
    }
  }
  std::string open;
  for (size_t i = 0; i < text.size(); ++i) {
    if (!hidden[i]) open += text[i];
  }
  return open;
}

TEST(ScrubberTest, WhatIsLeftIsWhatASlowSearchLeaves) {
  std::mt19937 random(17);
  for (int round = 0; round < 300; ++round) {
    internal::v1::Assignment assignment;
    std::vector<std::string> secrets;
    const auto word = [&](int size) {
      std::string result;
      for (int i = 0; i < size; ++i) result += static_cast<char>('a' + random() % 2);
      return result;
    };
    for (int i = 0; i < 3; ++i) {
      secrets.push_back(word(4 + static_cast<int>(random() % 4)));
      auto& keys = *assignment.add_credentials()->mutable_static_();
      (*keys.mutable_secret_variables())["K"] = secrets.back();
    }
    const std::string text = word(60);
    std::string shown = Scrubber(assignment).Scrub(text);
    for (size_t at; (at = shown.find(kMasked)) != std::string::npos;)
      shown.erase(at, kMasked.size());
    EXPECT_EQ(shown, Masked(text, secrets)) << text;
  }
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
