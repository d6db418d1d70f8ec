#include "services/gateway/key_set.h"

#include <gtest/gtest.h>

#include "services/gateway/test_issuer.h"

namespace stackyard::gateway {
namespace {

using Verdict = KeySet::Verdict;
using nlohmann::json;

class KeySetTest : public ::testing::Test {
 protected:
  Verdict Verify(const std::string& text) {
    const auto token = ParseIdToken(text);
    EXPECT_TRUE(token.ok()) << token.status();
    return set_.Verify(*token);
  }

  const json claims_ = TestIssuer("https://id.example.com").Claims(absl::UnixEpoch());
  const TestKey rsa_ = TestKey::Rsa("r1");
  const TestKey elliptic_ = TestKey::Ec("e1");
  const TestKey foreign_ = TestKey::Rsa("r1");
  KeySet set_ = *KeySet::Parse(KeySetOf({rsa_, elliptic_}));
};

TEST_F(KeySetTest, VerifiesBothAlgorithms) {
  EXPECT_EQ(set_.size(), 2u);
  EXPECT_EQ(Verify(rsa_.Sign(claims_)), Verdict::kSigned);
  EXPECT_EQ(Verify(elliptic_.Sign(claims_)), Verdict::kSigned);
}

TEST_F(KeySetTest, AnotherKeyOfTheSameNameIsAForgery) {
  EXPECT_EQ(Verify(foreign_.Sign(claims_)), Verdict::kForged);
}

TEST_F(KeySetTest, ATokenThatWasChangedIsAForgery) {
  json other = claims_;
  other["sub"] = "admin";
  for (const TestKey& key : {rsa_, elliptic_}) {
    const std::string good = key.Sign(claims_);
    const std::string changed = absl::StrCat(good.substr(0, good.find('.')), ".",
                                             Base64Url(other.dump()), good.substr(good.rfind('.')));
    EXPECT_EQ(Verify(changed), Verdict::kForged);
    EXPECT_EQ(Verify(good.substr(0, good.rfind('.')) + ".c2ln"), Verdict::kForged);
  }
}

// The kid says which key, the key says which algorithm.
TEST_F(KeySetTest, AKeyIsForOneAlgorithm) {
  EXPECT_EQ(Verify(elliptic_.Sign(claims_, "r1")), Verdict::kUnknownKey);
  EXPECT_EQ(Verify(rsa_.Sign(claims_, "e1")), Verdict::kUnknownKey);
}

TEST_F(KeySetTest, ATokenMayNameNoKey) {
  EXPECT_EQ(Verify(rsa_.Sign(claims_, "")), Verdict::kSigned);
  EXPECT_EQ(Verify(foreign_.Sign(claims_, "")), Verdict::kUnknownKey);
  EXPECT_EQ(Verify(rsa_.Sign(claims_, "r2")), Verdict::kUnknownKey);
}

TEST_F(KeySetTest, LeavesOutWhatIsNotForSignatures) {
  json set = json::parse(KeySetOf({rsa_, TestKey::Rsa("weak", 1024)}));
  for (const auto& [field, value] : std::map<std::string, json>{
           {"use", "enc"}, {"alg", "RS512"}, {"kty", "oct"}, {"key_ops", {"encrypt"}}, {"n", 7}}) {
    json key = rsa_.Public();
    key[field] = value;
    set["keys"].push_back(key);
  }
  set["keys"].push_back("nonsense");
  set["keys"].push_back({{"kty", "oct"}, {"k", "c2VjcmV0"}, {"kid", "h1"}, {"alg", "HS256"}});
  const auto parsed = KeySet::Parse(set.dump());
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->size(), 1u);
}

TEST_F(KeySetTest, RefusesWhatIsNoKeySet) {
  for (const char* text : {"", "[]", "{}", R"({"keys": {}})", R"({"keys": []})", "{",
                           R"({"keys": [{"kty": "RSA"}]})", "\xff"}) {
    EXPECT_FALSE(KeySet::Parse(text).ok()) << text;
  }
}

}  // namespace
}  // namespace stackyard::gateway
