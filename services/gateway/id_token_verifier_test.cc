#include "services/gateway/id_token_verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "common/id.h"
#include "common/poll_until.h"
#include "common/status.h"
#include "services/gateway/test_issuer.h"

namespace stackyard::gateway {
namespace {

using ::testing::HasSubstr;

class IdTokenVerifierTest : public ::testing::Test {
 protected:
  IdTokenVerifierTest() {
    issuer_.Show({key_});
    other_.Show({key_});
  }

  OidcProvider ProviderOf(const TestIssuer& issuer) {
    OidcProvider provider;
    provider.issuer = issuer.issuer();
    provider.client_id = "stackyard";
    provider.audiences = {"stackyard"};
    return provider;
  }

  void Start() {
    verifier_ = std::make_unique<IdTokenVerifier>(
        std::vector<OidcProvider>{ProviderOf(issuer_), ProviderOf(other_)},
        [this](const OidcProvider& provider, const std::string& url) {
          if (provider.issuer == other_.issuer()) {
            if (slow_ != nullptr) slow_->WaitForNotification();
            return other_.Fetch(url);
          }
          return issuer_.Fetch(url);
        },
        clock_, registry_);
  }

  absl::StatusOr<ExternalUserPtr> Verify(const std::string& token) {
    absl::StatusOr<ExternalUserPtr> result = absl::UnknownError("not called");
    absl::Notification done;
    verifier_->Verify(token, Sha256Hex(token), [&](absl::StatusOr<ExternalUserPtr> person) {
      result = std::move(person);
      done.Notify();
    });
    done.WaitForNotification();
    return result;
  }

  void WaitForFetches(int count) {
    EXPECT_TRUE(PollUntil([&] { return issuer_.fetches() == count; }, absl::Seconds(20)));
  }

  std::string Token(const TestKey& key) { return key.Sign(issuer_.Claims(clock_.TimeNow())); }

  const TestKey key_ = TestKey::Rsa("k1");
  FakeClock clock_;
  TestIssuer issuer_{"https://id.example.com"};
  TestIssuer other_{"https://other.example.com"};
  // Until it is notified the other issuer answers nothing.
  std::unique_ptr<absl::Notification> slow_;
  prometheus::Registry registry_;
  std::unique_ptr<IdTokenVerifier> verifier_;
};

TEST_F(IdTokenVerifierTest, KnowsThePerson) {
  Start();
  const auto person = Verify(Token(key_));
  ASSERT_TRUE(person.ok()) << person.status();
  EXPECT_EQ((*person)->user_id, "ann@example.com");
}

TEST_F(IdTokenVerifierTest, RefusesWhatIsNotForUs) {
  Start();
  auto claims = issuer_.Claims(clock_.TimeNow());
  claims["iss"] = "https://unknown.example.com";
  EXPECT_THAT(std::string(Verify(key_.Sign(claims)).status().message()),
              HasSubstr("not known here"));
  claims = issuer_.Claims(clock_.TimeNow());
  claims["aud"] = "other";
  EXPECT_EQ(ReasonOf(Verify(key_.Sign(claims)).status()), v1::TOKEN_INVALID);
  EXPECT_EQ(ReasonOf(Verify("a.b.c").status()), v1::TOKEN_INVALID);
  const TestKey forger = TestKey::Rsa("k1");
  EXPECT_THAT(std::string(Verify(Token(forger)).status().message()), HasSubstr("not signed"));
}

// What is remembered needs neither the issuer nor its keys, and ends when the token does.
TEST_F(IdTokenVerifierTest, RemembersUntilTheTokenEnds) {
  Start();
  const std::string token = Token(key_);
  ASSERT_TRUE(Verify(token).ok());
  issuer_.SetAway(true);
  clock_.Advance(absl::Hours(1) + kClockSkew - absl::Seconds(1));
  bool at_once = false;
  verifier_->Verify(token, Sha256Hex(token),
                    [&](const absl::StatusOr<ExternalUserPtr>& person) { at_once = person.ok(); });
  EXPECT_TRUE(at_once);
  clock_.Advance(absl::Seconds(1));
  EXPECT_THAT(std::string(Verify(token).status().message()), HasSubstr("expired"));
}

TEST_F(IdTokenVerifierTest, FindsANewKeyByItself) {
  Start();
  ASSERT_TRUE(Verify(Token(key_)).ok());
  const TestKey next = TestKey::Ec("k2");
  issuer_.Show({key_, next});
  EXPECT_TRUE(Verify(Token(next)).ok());
  EXPECT_EQ(issuer_.fetches(), 2);
}

TEST_F(IdTokenVerifierTest, KeysThatNobodyHasCostTheIssuerLittle) {
  Start();
  for (int i = 0; i < 50; ++i) {
    const std::string token = key_.Sign(issuer_.Claims(clock_.TimeNow()), absl::StrCat("junk-", i));
    EXPECT_THAT(std::string(Verify(token).status().message()), HasSubstr("no such key"));
  }
  EXPECT_LE(issuer_.fetches(), 3);
  EXPECT_TRUE(Verify(Token(key_)).ok());
}

TEST_F(IdTokenVerifierTest, AnIssuerThatIsAwayIsNotTheTokensFault) {
  issuer_.SetAway(true);
  Start();
  EXPECT_EQ(ReasonOf(Verify(Token(key_)).status()), v1::DEPENDENCY_UNAVAILABLE);
  issuer_.SetAway(false);
  clock_.Advance(absl::Seconds(30));
  EXPECT_TRUE(Verify(Token(key_)).ok());
}

TEST_F(IdTokenVerifierTest, RenewsOldKeysBehindTheBack) {
  Start();
  ASSERT_TRUE(Verify(Token(key_)).ok());
  clock_.Advance(absl::Hours(2));
  issuer_.SetAway(true);
  // Away is no matter yet: the old ones serve.
  EXPECT_TRUE(Verify(Token(key_)).ok());
  WaitForFetches(2);
  issuer_.SetAway(false);
  clock_.Advance(absl::Minutes(1));
  // The last renewal may still be about to end, and one goes on at a time.
  const auto renewed = [&] {
    clock_.Advance(absl::Seconds(1));
    EXPECT_TRUE(Verify(Token(key_)).ok());
    return issuer_.fetches() == 3;
  };
  EXPECT_TRUE(PollUntil(renewed, absl::Seconds(20)));
}

TEST_F(IdTokenVerifierTest, ASlowIssuerHoldsUpNobodyElse) {
  slow_ = std::make_unique<absl::Notification>();
  Start();
  constexpr int kWaiting = 20;
  absl::BlockingCounter waiting(kWaiting);
  for (int i = 0; i < kWaiting; ++i) {
    auto claims = other_.Claims(clock_.TimeNow());
    claims["jti"] = i;
    const std::string token = key_.Sign(claims);
    verifier_->Verify(token, Sha256Hex(token), [&](const absl::StatusOr<ExternalUserPtr>& person) {
      EXPECT_TRUE(person.ok()) << person.status();
      waiting.DecrementCount();
    });
  }
  EXPECT_TRUE(Verify(Token(key_)).ok());
  slow_->Notify();
  waiting.Wait();
  // All of them waited for the fetch that the start began, and perhaps one more.
  EXPECT_LE(other_.fetches(), 2);
}

TEST_F(IdTokenVerifierTest, EndsWhatGoesOn) {
  issuer_.SetAway(true);
  Start();
  std::atomic<int> done{0};
  for (int i = 0; i < 100; ++i) {
    auto claims = issuer_.Claims(clock_.TimeNow());
    claims["jti"] = i;
    const std::string token = key_.Sign(claims);
    verifier_->Verify(token, Sha256Hex(token),
                      [&](const absl::StatusOr<ExternalUserPtr>&) { ++done; });
  }
  verifier_.reset();
  EXPECT_EQ(done, 100);
}

}  // namespace
}  // namespace stackyard::gateway
