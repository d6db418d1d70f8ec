#include "services/gateway/caller_cache.h"

#include <gtest/gtest.h>

#include "absl/synchronization/notification.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "services/gateway/binding_store.h"
#include "services/gateway/identity_schema.h"
#include "services/gateway/test_gateway.h"
#include "services/gateway/token.h"
#include "services/gateway/token_store.h"

namespace stackyard::gateway {
namespace {

class CallerCacheTest : public ::testing::Test {
 protected:
  CallerCacheTest() {
    database_ = *Database::Open("sqlite:" + (folder_ / "g.db"), GatewayMigrations());
    Write([&](soci::session& sql) {
      v1::User user;
      user.set_name("users/ann");
      user.add_groups("staff");
      kUsers.Save(sql, "ann", user);
      v1::Token token;
      *token.mutable_expire_time() = ToProto(clock_.TimeNow() + absl::Hours(1));
      InsertToken(sql, "ann", made_.id, made_.hash, token);
    });
    cache_ = std::make_unique<CallerCache>(*database_, clock_);
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

  absl::StatusOr<CallerPtr> Find(const std::string& token) {
    absl::StatusOr<CallerPtr> result;
    absl::Notification done;
    cache_->Find(token, [&](absl::StatusOr<CallerPtr> caller) {
      result = std::move(caller);
      done.Notify();
    });
    done.WaitForNotification();
    return result;
  }

  TestFolder folder_;
  FakeClock clock_;
  const NewToken made_ = MakeToken();
  std::unique_ptr<Database> database_;
  std::unique_ptr<CallerCache> cache_;
};

TEST_F(CallerCacheTest, FindsTheUserAndTheirRoles) {
  Write([&](soci::session& sql) {
    InsertBinding(sql, {"b-1", "web", "dev", "users/ann", 1});
    InsertBinding(sql, {"b-2", "", "viewer", "groups/staff", 1});
    InsertBinding(sql, {"b-3", "api", "gone", "users/ann", 1});
    InsertBinding(sql, {"b-4", "api", "admin", "users/bob", 1});
  });
  const auto caller = Find(made_.text);
  ASSERT_TRUE(caller.ok() && *caller != nullptr);
  EXPECT_EQ((*caller)->user, "ann");
  EXPECT_EQ((*caller)->grants.size(), 2u);
  EXPECT_TRUE((*caller)->Holds("stacks.create", "web"));
  EXPECT_TRUE((*caller)->Holds("stacks.get", "api"));
  EXPECT_FALSE((*caller)->Holds("stacks.create", "api"));
}

TEST_F(CallerCacheTest, UnknownTokensAreNobody) {
  EXPECT_EQ(*Find(MakeToken().text), nullptr);
  EXPECT_EQ(*Find("nonsense"), nullptr);
  EXPECT_EQ(*Find(made_.text + "x"), nullptr);
}

// Broken on purpose: with the table gone only what is remembered can answer.
TEST_F(CallerCacheTest, AKnownTokenCostsNoSql) {
  ASSERT_NE(*Find(made_.text), nullptr);
  Write([](soci::session& sql) { sql << "ALTER TABLE tokens RENAME TO hidden"; });
  clock_.Advance(absl::Seconds(2));
  const auto caller = Find(made_.text);
  ASSERT_TRUE(caller.ok()) << caller.status();
  EXPECT_NE(*caller, nullptr);
}

TEST_F(CallerCacheTest, WithoutWordFromTheDatabaseNothingIsTrusted) {
  ASSERT_NE(*Find(made_.text), nullptr);
  Write([](soci::session& sql) { sql << "ALTER TABLE tokens RENAME TO hidden"; });
  clock_.Advance(absl::Seconds(4));
  EXPECT_EQ(ReasonOf(Find(made_.text).status()), v1::DEPENDENCY_UNAVAILABLE);
}

TEST_F(CallerCacheTest, ChangesCountOnceTheGenerationIsSeen) {
  ASSERT_NE(*Find(made_.text), nullptr);
  Write([&](soci::session& sql) {
    v1::Token token;
    token.set_revoked(true);
    SaveToken(sql, made_.id, token);
  });
  cache_->Refresh();
  EXPECT_EQ(*Find(made_.text), nullptr);
}

TEST_F(CallerCacheTest, TheGenerationIsAskedForWhenTheLastAnswerIsOld) {
  ASSERT_NE(*Find(made_.text), nullptr);
  Write([&](soci::session& sql) {
    v1::User user;
    user.set_name("users/ann");
    user.set_suspended(true);
    kUsers.Save(sql, "ann", user);
  });
  clock_.Advance(absl::Seconds(4));
  EXPECT_EQ(*Find(made_.text), nullptr);
}

TEST_F(CallerCacheTest, TokensExpireWhileTheyAreRemembered) {
  ASSERT_NE(*Find(made_.text), nullptr);
  clock_.Advance(absl::Hours(1));
  cache_->Refresh();
  EXPECT_EQ(*Find(made_.text), nullptr);
}

TEST_F(CallerCacheTest, NotesUsesToTheMinute) {
  ASSERT_TRUE(Find(made_.text).ok());
  ASSERT_TRUE(Find(made_.text).ok());
  auto uses = cache_->TakeLastUses();
  ASSERT_EQ(uses.size(), 1u);
  EXPECT_EQ(ToUnixSeconds(uses[made_.id]) % 60, 0);
  ASSERT_TRUE(Find(made_.text).ok());
  EXPECT_TRUE(cache_->TakeLastUses().empty());
  clock_.Advance(absl::Minutes(1));
  ASSERT_TRUE(Find(made_.text).ok());
  EXPECT_EQ(cache_->TakeLastUses().size(), 1u);
}

}  // namespace
}  // namespace stackyard::gateway
