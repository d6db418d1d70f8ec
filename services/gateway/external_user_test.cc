#include "services/gateway/external_user.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status.h"
#include "services/gateway/test_issuer.h"

namespace stackyard::gateway {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

class ExternalUserTest : public ::testing::Test {
 protected:
  absl::StatusOr<ExternalUser> Read() {
    const auto token = ParseIdToken(TokenOf({{"alg", "RS256"}}, claims_, "not looked at"));
    EXPECT_TRUE(token.ok()) << token.status();
    return ReadExternalUser(*token, provider_);
  }
  std::string Id() {
    const auto user = Read();
    return user.ok() ? user->user_id : std::string(user.status().message());
  }

  OidcProvider provider_;
  json claims_ = TestIssuer("https://id.example.com").Claims(kNow);
};

TEST_F(ExternalUserTest, ReadsWhatIsTold) {
  const auto user = Read();
  ASSERT_TRUE(user.ok()) << user.status();
  EXPECT_EQ(user->issuer, "https://id.example.com");
  EXPECT_EQ(user->subject, "subject-of-ann");
  EXPECT_EQ(user->user_id, "ann@example.com");
  EXPECT_EQ(user->email, "Ann@example.com");
  EXPECT_EQ(user->display_name, "Ann Archer");
  EXPECT_THAT(*user->groups, ElementsAre("Web Team", "staff"));
  EXPECT_EQ(user->issue_time, kNow);
  EXPECT_EQ(user->expire_time, kNow + absl::Hours(1) + kClockSkew);
}

TEST_F(ExternalUserTest, TheIdComesFromTheFirstClaimThatIsThere) {
  claims_.erase("email");
  claims_["preferred_username"] = "Ann.Archer";
  EXPECT_EQ(Id(), "ann.archer");
  // Whoever chooses their name must not choose somebody else's address.
  claims_["preferred_username"] = "boss@example.com";
  EXPECT_EQ(Id(), "subject-of-ann");
  claims_["email"] = "ann@example.com";
  claims_["email_verified"] = false;
  EXPECT_THAT(Id(), HasSubstr("not verified"));
}

TEST_F(ExternalUserTest, TheIdComesFromTheClaimThatIsNamed) {
  provider_.username_claim = "nick";
  EXPECT_THAT(Id(), HasSubstr("`nick`"));
  claims_["nick"] = "Ann";
  EXPECT_EQ(Id(), "ann");
  provider_.username_prefix = "okta-";
  EXPECT_EQ(Id(), "okta-ann");
  provider_.username_claim = "email";
  claims_["email_verified"] = "true";
  EXPECT_EQ(Id(), "okta-ann@example.com");
  claims_["email_verified"] = json();
  EXPECT_THAT(Id(), HasSubstr("not verified"));
  claims_.erase("email_verified");
  EXPECT_EQ(Id(), "okta-ann@example.com");
}

TEST_F(ExternalUserTest, WhatIdsCannotHold) {
  provider_.username_claim = "nick";
  for (const auto& [name, id] :
       std::map<std::string, std::string>{{"ann+ops@example.com", "ann-ops@example.com"},
                                          {"CORP\\Ann", "corp-ann"},
                                          {"_ann", "no user id"},
                                          {"/ann", "ann"},
                                          {"Ännchen", "nnchen"},
                                          {"日本", "no user id"},
                                          {std::string(65, 'a'), "no user id"}}) {
    claims_["nick"] = name;
    EXPECT_THAT(Id(), HasSubstr(id)) << name;
  }
}

TEST_F(ExternalUserTest, DomainsThatMayComeIn) {
  provider_.allowed_domains = {"example.com"};
  EXPECT_EQ(Id(), "ann@example.com");
  for (const json& email : {json("ann@example.org"), json("ann@evil.example.com"),
                            json("example.com"), json("ann@example.com@evil.org"), json()}) {
    claims_["email"] = email;
    EXPECT_THAT(Id(), HasSubstr("domain")) << email;
  }
  claims_["email"] = "ann@EXAMPLE.com";
  EXPECT_EQ(Id(), "ann@example.com");
  provider_.username_claim = "sub";
  claims_["email_verified"] = false;
  EXPECT_THAT(Id(), HasSubstr("domain"));
}

TEST_F(ExternalUserTest, AnAddressThatNobodyCheckedGetsNoMail) {
  provider_.username_claim = "sub";
  claims_["email_verified"] = false;
  EXPECT_EQ(Read()->email, "");
}

TEST_F(ExternalUserTest, GroupsAsTheProviderCallsThem) {
  provider_.groups_prefix = "oidc:";
  claims_["groups"] = {"b", "a", "b", 7, "", "with\nline", "/ops/On Call"};
  EXPECT_THAT(*Read()->groups, ElementsAre("oidc:/ops/On Call", "oidc:a", "oidc:b"));
  claims_["groups"] = "one";
  EXPECT_THAT(*Read()->groups, ElementsAre("oidc:one"));
  claims_.erase("groups");
  EXPECT_THAT(*Read()->groups, IsEmpty());
  provider_.groups_claim = "realm_access.roles";
  claims_["realm_access"] = {{"roles", {"dev"}}};
  EXPECT_THAT(*Read()->groups, ElementsAre("oidc:dev"));
  // Names with dots that are no path.
  provider_.groups_claim = "https://example.com/groups";
  claims_["https://example.com/groups"] = {"x"};
  EXPECT_THAT(*Read()->groups, ElementsAre("oidc:x"));
  provider_.groups_claim = "";
  EXPECT_FALSE(Read()->groups.has_value());
}

TEST_F(ExternalUserTest, TooManyGroupsAreRefusedAndNotCut) {
  claims_["groups"] = json::array();
  for (int i = 0; i < 201; ++i) claims_["groups"].push_back(absl::StrCat("g", i));
  EXPECT_THAT(Id(), HasSubstr("200 groups"));
}

TEST_F(ExternalUserTest, LongNamesAreCutBetweenCharacters) {
  std::string name;
  for (int i = 0; i < 60; ++i) name += "é";
  claims_["name"] = name;
  const std::string cut = Read()->display_name;
  EXPECT_LE(cut.size(), 100u);
  EXPECT_GE(cut.size(), 96u);
  EXPECT_EQ(cut.size() % 2, 0u);
}

}  // namespace
}  // namespace stackyard::gateway
