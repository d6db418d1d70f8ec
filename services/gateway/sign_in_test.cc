// People of an identity provider, from their first token on, over both engines.
#include "services/gateway/sign_in.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "absl/synchronization/notification.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "common/work.h"
#include "services/gateway/binding_store.h"
#include "services/gateway/caller_cache.h"
#include "services/gateway/identity_schema.h"
#include "services/gateway/test_gateway.h"
#include "services/gateway/test_issuer.h"
#include "services/gateway/token_store.h"
#include "tests/support/postgres.h"

namespace stackyard::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SignInTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    url_ = "sqlite:" + (folder_ / "g.db");
    if (GetParam() == "Postgres") {
      const auto url = NewPostgresDatabase();
      if (absl::IsNotFound(url.status())) GTEST_SKIP() << "PostgreSQL is not installed";
      ASSERT_TRUE(url.ok()) << url.status();
      url_ = *url;
    }
    auto database = Database::Open(url_, GatewayMigrations());
    ASSERT_TRUE(database.ok()) << database.status();
    database_ = *std::move(database);
    person_.issuer = "https://id.example.com";
    person_.subject = "subject-of-ann";
    person_.user_id = "ann";
    person_.display_name = "Ann";
    person_.email = "ann@example.com";
    person_.groups = {"staff"};
    person_.issue_time = clock_.TimeNow();
  }

  absl::StatusOr<std::string> Enter() { return SignIn(*database_, person_, clock_.TimeNow()); }
  std::string WhyNot() {
    const auto user = Enter();
    EXPECT_EQ(ReasonOf(user.status()), v1::TOKEN_INVALID);
    return std::string(user.status().message());
  }

  v1::User User(const std::string& id) {
    v1::User user;
    EXPECT_TRUE(
        database_->Read([&](soci::session& sql) { return kUsers.Read(sql, id, user); }).ok());
    return user;
  }
  void Save(const v1::User& user) {
    Write([&](soci::session& sql) { kUsers.Save(sql, user.name().substr(6), user); });
  }
  void Write(const std::function<void(soci::session&)>& body) {
    ASSERT_TRUE(database_
                    ->Write([&](soci::session& sql) {
                      BumpGeneration(sql);
                      body(sql);
                      return absl::OkStatus();
                    })
                    .ok());
  }
  int64_t Generation() {
    return *database_->ReadValue<int64_t>(
        [](soci::session& sql) -> absl::StatusOr<int64_t> { return ReadGeneration(sql); });
  }

  TestFolder folder_;
  FakeClock clock_;
  std::string url_;
  std::unique_ptr<Database> database_;
  ExternalUser person_;
};

TEST_P(SignInTest, TheFirstTokenMakesAUser) {
  ASSERT_EQ(*Enter(), "ann");
  const v1::User user = User("ann");
  EXPECT_EQ(user.name(), "users/ann");
  EXPECT_EQ(user.display_name(), "Ann");
  EXPECT_EQ(user.email(), "ann@example.com");
  EXPECT_THAT(user.groups(), ElementsAre("staff"));
  EXPECT_EQ(user.issuer(), "https://id.example.com");
  EXPECT_EQ(user.subject(), "subject-of-ann");
  EXPECT_FALSE(user.etag().empty());
  EXPECT_EQ(FromProto(user.create_time()), clock_.TimeNow());
}

// Or every token would make every replica forget what it remembers.
TEST_P(SignInTest, WhatSaysNothingNewWritesNothing) {
  ASSERT_TRUE(Enter().ok());
  const int64_t generation = Generation();
  ASSERT_TRUE(Enter().ok());
  person_.issue_time += absl::Minutes(5);
  ASSERT_TRUE(Enter().ok());
  EXPECT_EQ(Generation(), generation);
}

TEST_P(SignInTest, TheUserFollowsNewerTokensAlone) {
  ASSERT_TRUE(Enter().ok());
  const ExternalUser older = person_;
  person_.issue_time += absl::Minutes(5);
  person_.groups = {"leads"};
  person_.email = "ann@example.org";
  // The id stays, whatever she is called later.
  person_.user_id = "ann-of-ops";
  EXPECT_EQ(*Enter(), "ann");
  EXPECT_THAT(User("ann").groups(), ElementsAre("leads"));
  EXPECT_EQ(User("ann").email(), "ann@example.org");
  person_ = older;
  EXPECT_EQ(*Enter(), "ann");
  EXPECT_THAT(User("ann").groups(), ElementsAre("leads"));
}

TEST_P(SignInTest, GroupsThatTheProviderDoesNotTellAreSetByHand) {
  person_.groups.reset();
  ASSERT_TRUE(Enter().ok());
  v1::User user = User("ann");
  user.add_groups("by-hand");
  Save(user);
  person_.issue_time += absl::Minutes(5);
  person_.email = "ann@example.org";
  ASSERT_TRUE(Enter().ok());
  EXPECT_THAT(User("ann").groups(), ElementsAre("by-hand"));
}

TEST_P(SignInTest, AnIdIsNeverTakenOver) {
  ASSERT_TRUE(Enter().ok());
  for (const auto& [issuer, subject] : std::vector<std::pair<std::string, std::string>>{
           {"https://id.example.com", "another"}, {"https://evil.example.com", "subject-of-ann"}}) {
    person_.issuer = issuer;
    person_.subject = subject;
    person_.link_existing = true;
    EXPECT_THAT(WhyNot(), HasSubstr("belongs to another subject"));
  }
  EXPECT_EQ(User("ann").subject(), "subject-of-ann");
}

TEST_P(SignInTest, WhoWasMadeByHandIsLinkedOnlyWhereThatIsAllowed) {
  v1::User made;
  made.set_name("users/ann");
  made.set_display_name("By hand");
  Save(made);
  EXPECT_THAT(WhyNot(), HasSubstr("made by hand"));
  EXPECT_EQ(User("ann").subject(), "");
  person_.link_existing = true;
  EXPECT_EQ(*Enter(), "ann");
  EXPECT_EQ(User("ann").subject(), "subject-of-ann");
  EXPECT_EQ(User("ann").display_name(), "Ann");
}

TEST_P(SignInTest, NobodyBecomesTheFirstAdministratorWhoIsGone) {
  person_.user_id = "admin";
  EXPECT_THAT(WhyNot(), HasSubstr("first administrator"));
}

TEST_P(SignInTest, NoProviderStandsForTheFirstAdministrator) {
  v1::User admin;
  admin.set_name("users/admin");
  Save(admin);
  person_.user_id = "admin";
  person_.link_existing = true;
  EXPECT_THAT(WhyNot(), HasSubstr("first administrator"));
}

TEST_P(SignInTest, WhoWasDeletedStartsAnew) {
  ASSERT_TRUE(Enter().ok());
  Write([](soci::session& sql) { kUsers.Delete(sql, "ann"); });
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(*Enter(), "ann");
  EXPECT_EQ(FromProto(User("ann").create_time()), clock_.TimeNow());
}

// Two replicas, one person, one user; and two people who want one id, of whom one gets it.
TEST_P(SignInTest, ManyAtOnce) {
  auto other = Database::Open(url_, GatewayMigrations());
  ASSERT_TRUE(other.ok()) << other.status();
  ExternalUser rival = person_;
  rival.subject = "rival";
  std::atomic<int> entered{0}, refused{0};
  {
    std::vector<Task> tasks;
    for (int i = 0; i < 8; ++i) {
      tasks.emplace_back("sign-in", [&, i] {
        Database& database = i % 2 == 0 ? *database_ : **other;
        const auto user = SignIn(database, i < 4 ? person_ : rival, clock_.TimeNow());
        if (user.ok()) {
          ++entered;
        } else {
          EXPECT_EQ(ReasonOf(user.status()), v1::TOKEN_INVALID) << user.status();
          ++refused;
        }
      });
    }
  }
  EXPECT_EQ(entered, 4);
  EXPECT_EQ(refused, 4);
  const int subjects = *database_->ReadValue<int>([](soci::session& sql) -> absl::StatusOr<int> {
    int count = 0;
    sql << "SELECT COUNT(*) FROM subjects", soci::into(count);
    return count;
  });
  EXPECT_EQ(subjects, 1);
}

// From the text of a token to what its sender may do.
class IdTokenCallerTest : public SignInTest {
 protected:
  void SetUp() override {
    SignInTest::SetUp();
    if (IsSkipped()) return;
    issuer_.Show({key_});
    OidcProvider provider;
    provider.issuer = issuer_.issuer();
    provider.client_id = "stackyard";
    provider.audiences = {"stackyard"};
    cache_ = std::make_unique<CallerCache>(
        *database_, clock_,
        std::make_unique<IdTokenVerifier>(
            std::vector<OidcProvider>{provider},
            [this](const OidcProvider&, const std::string& url) { return issuer_.Fetch(url); },
            clock_, registry_));
    token_ = key_.Sign(issuer_.Claims(clock_.TimeNow()));
  }

  absl::StatusOr<CallerPtr> Find(const std::string& token) {
    absl::StatusOr<CallerPtr> result = absl::UnknownError("not called");
    absl::Notification done;
    cache_->Find(token, [&](absl::StatusOr<CallerPtr> caller) {
      result = std::move(caller);
      done.Notify();
    });
    done.WaitForNotification();
    return result;
  }

  const TestKey key_ = TestKey::Ec("k1");
  TestIssuer issuer_{"https://id.example.com"};
  prometheus::Registry registry_;
  std::unique_ptr<CallerCache> cache_;
  std::string token_;
};

TEST_P(IdTokenCallerTest, TheirGroupsBringTheirRoles) {
  Write([](soci::session& sql) {
    InsertBinding(sql, {"b-1", "web", "dev", "groups/Web Team", 1});
    InsertBinding(sql, {"b-2", "api", "dev", "groups/web team", 1});
  });
  const auto caller = Find(token_);
  ASSERT_TRUE(caller.ok() && *caller != nullptr) << caller.status();
  EXPECT_EQ((*caller)->user, "ann@example.com");
  EXPECT_EQ((*caller)->email, "Ann@example.com");
  EXPECT_TRUE((*caller)->Holds("stacks.create", "web"));
  EXPECT_FALSE((*caller)->Holds("stacks.create", "api"));
  EXPECT_TRUE(cache_->TakeLastUses().empty());
}

// Broken on purpose: with the tables gone only what is remembered can answer.
TEST_P(IdTokenCallerTest, AKnownTokenCostsNoSql) {
  ASSERT_TRUE(Find(token_).ok());
  Write([](soci::session& sql) { sql << "ALTER TABLE subjects RENAME TO hidden"; });
  EXPECT_TRUE(Find(token_).ok());
  cache_->Refresh();
  const absl::Status gone = Find(token_).status();
  EXPECT_FALSE(gone.ok());
  EXPECT_NE(ReasonOf(gone), v1::TOKEN_INVALID) << "a fault of ours is not the token's";
}

TEST_P(IdTokenCallerTest, TheSuspendedAreOut) {
  ASSERT_TRUE(Find(token_).ok());
  v1::User user = User("ann@example.com");
  user.set_suspended(true);
  Save(user);
  cache_->Refresh();
  const auto caller = Find(token_);
  EXPECT_EQ(ReasonOf(caller.status()), v1::TOKEN_INVALID);
  EXPECT_THAT(std::string(caller.status().message()), HasSubstr("suspended"));
}

TEST_P(IdTokenCallerTest, TokensEndWhileTheyAreRemembered) {
  ASSERT_TRUE(Find(token_).ok());
  clock_.Advance(absl::Hours(1) + kClockSkew);
  cache_->Refresh();
  const auto caller = Find(token_);
  EXPECT_TRUE(!caller.ok() || *caller == nullptr);
}

TEST_P(IdTokenCallerTest, NewerTokensTakeRolesAway) {
  Write([](soci::session& sql) { InsertBinding(sql, {"b-1", "web", "dev", "groups/staff", 1}); });
  ASSERT_TRUE((*Find(token_))->Holds("stacks.create", "web"));
  auto claims = issuer_.Claims(clock_.TimeNow() + absl::Seconds(1));
  claims["groups"] = {"others"};
  ASSERT_FALSE((*Find(key_.Sign(claims)))->Holds("stacks.create", "web"));
  // Also from the older token, which says otherwise.
  EXPECT_FALSE((*Find(token_))->Holds("stacks.create", "web"));
}

const auto kEngines = ::testing::Values("Sqlite", "Postgres");
const auto kName = [](const auto& info) { return info.param; };
INSTANTIATE_TEST_SUITE_P(Engines, SignInTest, kEngines, kName);
INSTANTIATE_TEST_SUITE_P(Engines, IdTokenCallerTest, kEngines, kName);

}  // namespace
}  // namespace stackyard::gateway
