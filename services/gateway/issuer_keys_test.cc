#include "services/gateway/issuer_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/gateway/test_issuer.h"

namespace stackyard::gateway {
namespace {

using ::testing::HasSubstr;

class IssuerKeysTest : public ::testing::Test {
 protected:
  IssuerKeysTest() { issuer_.Show({key_}); }

  std::string Fault() { return std::string(keys_.Refresh().message()); }

  const TestKey key_ = TestKey::Ec("k1");
  FakeClock clock_;
  TestIssuer issuer_{"https://id.example.com"};
  int failures_ = 0;
  IssuerKeys keys_{"https://id.example.com",
                   [this](const std::string& url) { return issuer_.Fetch(url); },
                   [this] { ++failures_; }, clock_};
};

TEST_F(IssuerKeysTest, FetchesWhatDiscoveryPointsTo) {
  EXPECT_EQ(keys_.Current(), nullptr);
  EXPECT_TRUE(keys_.AreOld());
  ASSERT_TRUE(keys_.Refresh().ok());
  ASSERT_NE(keys_.Current(), nullptr);
  EXPECT_EQ(keys_.Current()->size(), 1u);
  EXPECT_FALSE(keys_.AreOld());
}

TEST_F(IssuerKeysTest, GetOldWhenTheIssuerSaysSo) {
  ASSERT_TRUE(keys_.Refresh().ok());
  clock_.Advance(absl::Minutes(59));
  EXPECT_FALSE(keys_.AreOld());
  clock_.Advance(absl::Minutes(1));
  EXPECT_TRUE(keys_.AreOld());
  for (const auto& [told, age] :
       std::map<absl::Duration, absl::Duration>{{absl::Seconds(1), absl::Minutes(5)},
                                                {absl::Hours(2), absl::Hours(2)},
                                                {absl::Hours(1000), absl::Hours(24)}}) {
    issuer_.SetMaxAge(told);
    ASSERT_TRUE(keys_.Refresh().ok());
    clock_.Advance(age - absl::Seconds(1));
    EXPECT_FALSE(keys_.AreOld()) << told;
    clock_.Advance(absl::Seconds(1));
    EXPECT_TRUE(keys_.AreOld()) << told;
  }
}

TEST_F(IssuerKeysTest, AreKeptForADayWhileTheIssuerIsAway) {
  ASSERT_TRUE(keys_.Refresh().ok());
  issuer_.SetAway(true);
  clock_.Advance(absl::Hours(24));
  EXPECT_THAT(Fault(), HasSubstr("nobody is there"));
  EXPECT_EQ(failures_, 1);
  EXPECT_NE(keys_.Current(), nullptr);
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(keys_.Current(), nullptr);
  issuer_.SetAway(false);
  clock_.Advance(absl::Seconds(10));
  ASSERT_TRUE(keys_.Refresh().ok());
  EXPECT_NE(keys_.Current(), nullptr);
}

TEST_F(IssuerKeysTest, ThoseThatAreNotShownAnyMoreAreGone) {
  ASSERT_TRUE(keys_.Refresh().ok());
  const TestKey next = TestKey::Ec("k2");
  issuer_.Show({next});
  ASSERT_TRUE(keys_.Refresh().ok());
  const auto token = ParseIdToken(key_.Sign(issuer_.Claims(clock_.TimeNow())));
  EXPECT_EQ(keys_.Current()->Verify(*token), KeySet::Verdict::kUnknownKey);
}

TEST_F(IssuerKeysTest, WhoeverAsksDoesNotHammerTheIssuer) {
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(keys_.Refresh().ok());
  EXPECT_EQ(issuer_.fetches(), 3);
  issuer_.SetAway(true);
  clock_.Advance(absl::Seconds(10));
  for (int i = 0; i < 100; ++i) EXPECT_THAT(Fault(), HasSubstr("nobody is there"));
  EXPECT_EQ(issuer_.fetches(), 4);
  clock_.Advance(absl::Seconds(9));
  keys_.Refresh().IgnoreError();
  EXPECT_EQ(issuer_.fetches(), 4);
}

TEST_F(IssuerKeysTest, DiscoveryMustNameThisVeryIssuer) {
  constexpr char kPath[] = "/.well-known/openid-configuration";
  issuer_.Put(kPath, R"({"issuer": "https://id.example.com/", "jwks_uri": "https://x.example/k"})");
  EXPECT_THAT(Fault(), HasSubstr("another issuer, `https://id.example.com/`"));
  issuer_.Put(kPath, R"({"issuer": "https://id.example.com", "jwks_uri": "http://x.example/k"})");
  EXPECT_THAT(Fault(), HasSubstr("jwks_uri"));
  issuer_.Put(kPath, "nonsense");
  EXPECT_THAT(Fault(), HasSubstr("another issuer"));
  EXPECT_EQ(keys_.Current(), nullptr);
}

TEST_F(IssuerKeysTest, KeysThatAreNoneChangeNothing) {
  ASSERT_TRUE(keys_.Refresh().ok());
  issuer_.Put("/keys", R"({"keys": []})");
  EXPECT_THAT(Fault(), HasSubstr("https://id.example.com/keys has no key"));
  EXPECT_NE(keys_.Current(), nullptr);
}

TEST(IssuerKeysUrlTest, ASlashAtTheEndStandsOnce) {
  FakeClock clock;
  std::string asked;
  IssuerKeys keys(
      "https://id.example.com/",
      [&](const std::string& url) -> absl::StatusOr<HttpDocument> {
        asked = url;
        return absl::UnavailableError("no");
      },
      [] {}, clock);
  keys.Refresh().IgnoreError();
  EXPECT_EQ(asked, "https://id.example.com/.well-known/openid-configuration");
}

}  // namespace
}  // namespace stackyard::gateway
