#include "services/gateway/id_token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status.h"
#include "services/gateway/test_issuer.h"

namespace stackyard::gateway {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

class IdTokenTest : public ::testing::Test {
 protected:
  IdTokenTest() {
    provider_.issuer = issuer_.issuer();
    provider_.client_id = "stackyard";
    provider_.audiences = {"stackyard", "console"};
  }

  std::string Text(const json& claims, const json& header = {{"alg", "RS256"}, {"kid", "k1"}}) {
    return TokenOf(header, claims, "not looked at");
  }

  // Why a token with these claims is refused at `now`; empty: it is not.
  std::string WhyNot(const json& claims, absl::Time now = kNow) {
    const auto token = ParseIdToken(Text(claims));
    const absl::Status status = token.ok() ? CheckIdToken(*token, provider_, now) : token.status();
    if (!status.ok()) {
      EXPECT_EQ(ReasonOf(status), v1::TOKEN_INVALID);
    }
    return std::string(status.message());
  }

  TestIssuer issuer_{"https://id.example.com"};
  OidcProvider provider_;
  json claims_ = issuer_.Claims(kNow);
};

TEST_F(IdTokenTest, TakesATokenApart) {
  const auto token = ParseIdToken(Text(claims_));
  ASSERT_TRUE(token.ok()) << token.status();
  EXPECT_EQ(token->algorithm, "RS256");
  EXPECT_EQ(token->key_id, "k1");
  EXPECT_EQ(token->issuer, "https://id.example.com");
  EXPECT_EQ(token->subject, "subject-of-ann");
  EXPECT_THAT(token->audiences, ElementsAre("stackyard"));
  EXPECT_EQ(token->issue_time, kNow);
  EXPECT_EQ(token->expire_time, kNow + absl::Hours(1));
  EXPECT_EQ(token->claims["name"], "Ann Archer");
  EXPECT_EQ(WhyNot(claims_), "");
}

TEST_F(IdTokenTest, OnlyTwoAlgorithms) {
  for (const char* algorithm : {"none", "None", "HS256", "HS512", "RS512", "PS256", "ES384", ""}) {
    const auto token = ParseIdToken(Text(claims_, {{"alg", algorithm}}));
    EXPECT_EQ(ReasonOf(token.status()), v1::TOKEN_INVALID) << algorithm;
  }
  EXPECT_FALSE(ParseIdToken(Text(claims_, {{"kid", "k1"}})).ok());
  EXPECT_FALSE(ParseIdToken(Text(claims_, {{"alg", {"RS256"}}})).ok());
  const auto elliptic = ParseIdToken(Text(claims_, {{"alg", "ES256"}}));
  ASSERT_TRUE(elliptic.ok());
  provider_.algorithms = {"RS256"};
  EXPECT_FALSE(CheckIdToken(*elliptic, provider_, kNow).ok());
}

TEST_F(IdTokenTest, HeadersThatSayOtherwise) {
  EXPECT_FALSE(ParseIdToken(Text(claims_, {{"alg", "RS256"}, {"typ", "at+jwt"}})).ok());
  EXPECT_FALSE(ParseIdToken(Text(claims_, {{"alg", "RS256"}, {"typ", "logout+jwt"}})).ok());
  EXPECT_FALSE(ParseIdToken(Text(claims_, {{"alg", "RS256"}, {"crit", {"b64"}}})).ok());
  EXPECT_FALSE(ParseIdToken(Text(claims_, {{"alg", "RS256"}, {"kid", 7}})).ok());
  EXPECT_TRUE(ParseIdToken(Text(claims_, {{"alg", "RS256"}, {"typ", "jwt"}})).ok());
}

TEST_F(IdTokenTest, Garbage) {
  const std::string good = Text(claims_);
  const std::string header = Base64Url(R"({"alg":"RS256"})");
  for (const std::string& text :
       {std::string(), std::string("a.b.c"), std::string("..."), good + ".x", "x" + good,
        good.substr(0, good.rfind('.')), good + "=", good + "\n", good + " ",
        absl::StrCat(header, ".", Base64Url("[]"), ".c2ln"),
        absl::StrCat(header, ".", Base64Url("{"), ".c2ln"),
        absl::StrCat(header, ".", Base64Url("{\"iss\":\"\xff\"}"), ".c2ln"),
        absl::StrCat(header, ".", Base64Url(std::string(5000, '[')), ".c2ln"),
        Text({{"long", std::string(20'000, 'x')}})}) {
    EXPECT_EQ(ReasonOf(ParseIdToken(text).status()), v1::TOKEN_INVALID) << text.substr(0, 80);
  }
  EXPECT_TRUE(LooksLikeIdToken(good));
  EXPECT_FALSE(LooksLikeIdToken("syt_abcdefghijkl_" + std::string(43, 'x')));
  EXPECT_FALSE(LooksLikeIdToken(good + "."));
  EXPECT_FALSE(LooksLikeIdToken(Text({{"long", std::string(20'000, 'x')}})));
}

TEST_F(IdTokenTest, ClaimsThatMustBeThere) {
  for (const char* claim : {"iss", "sub", "aud", "exp", "iat"}) {
    json claims = claims_;
    claims.erase(claim);
    EXPECT_THAT(WhyNot(claims), HasSubstr(claim));
    for (const json& wrong : {json(true), json::array(), json::object(), json(nullptr), json("")}) {
      claims[claim] = wrong;
      EXPECT_NE(WhyNot(claims), "") << claim << " " << wrong;
    }
  }
  json claims = claims_;
  claims["sub"] = std::string(256, 's');
  EXPECT_NE(WhyNot(claims), "");
  for (const json& wrong : {json(-1), json(1e300), json("1800000000")}) {
    claims = claims_;
    claims["exp"] = wrong;
    EXPECT_NE(WhyNot(claims), "") << wrong;
  }
}

TEST_F(IdTokenTest, ItsTimes) {
  // Whole and broken seconds are both allowed.
  claims_["exp"] = 1'800'000'100.5;
  claims_["nbf"] = 1'800'000'000;
  EXPECT_EQ(WhyNot(claims_, kNow + absl::Milliseconds(160'499)), "");
  EXPECT_THAT(WhyNot(claims_, kNow + absl::Milliseconds(160'500)), HasSubstr("expired"));
  EXPECT_EQ(WhyNot(claims_, kNow - absl::Seconds(60)), "");
  EXPECT_THAT(WhyNot(claims_, kNow - absl::Seconds(61)), HasSubstr("not good yet"));
  claims_.erase("nbf");
  EXPECT_EQ(WhyNot(claims_, kNow - absl::Seconds(60)), "");
  EXPECT_THAT(WhyNot(claims_, kNow - absl::Seconds(61)), HasSubstr("future"));
}

TEST_F(IdTokenTest, WhomItIsFor) {
  claims_["aud"] = "other";
  EXPECT_THAT(WhyNot(claims_), HasSubstr("audience"));
  claims_["aud"] = {"other", "stackyard"};
  EXPECT_THAT(WhyNot(claims_), HasSubstr("azp"));
  claims_["azp"] = "stackyard";
  EXPECT_EQ(WhyNot(claims_), "");
  claims_["azp"] = "other";
  EXPECT_THAT(WhyNot(claims_), HasSubstr("another client"));
  // Asked for by one of our clients for the other one.
  claims_["aud"] = "stackyard";
  claims_["azp"] = "console";
  EXPECT_EQ(WhyNot(claims_), "");
  claims_["iss"] = "https://id.example.com/";
  EXPECT_THAT(WhyNot(claims_), HasSubstr("issuer"));
}

}  // namespace
}  // namespace stackyard::gateway
