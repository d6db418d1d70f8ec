// Many callers at once, over two replicas that share nothing but the database.
#include <atomic>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "common/work.h"
#include "services/quota/testing.h"

namespace stackyard::quota {
namespace {

constexpr int kThreads = 16;

class RaceTest : public QuotaTest {
 protected:
  void SetUp() override {
    QuotaTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    absl::StatusOr<std::unique_ptr<Store>> other = Store::Open(url_);
    ASSERT_TRUE(other.ok()) << other.status();
    other_store_ = *std::move(other);
    other_ledger_ = std::make_unique<Ledger>(*other_store_, clock_);
    other_limits_ = std::make_unique<Limits>(*other_store_, clock_);
  }
  void TearDown() override {
    other_store_.reset();
    QuotaTest::TearDown();
  }

  // The replica that a caller talks to.
  Ledger& LedgerOf(int caller) { return caller % 2 == 0 ? *ledger_ : *other_ledger_; }
  Limits& LimitsOf(int caller) { return caller % 2 == 0 ? *limits_ : *other_limits_; }

  // Lets all callers go at the same time and waits for them.
  static void Race(const std::function<void(int)>& caller) {
    absl::BlockingCounter ready(kThreads);
    absl::Notification go;
    std::vector<Task> tasks;
    for (int i = 0; i < kThreads; ++i) {
      tasks.emplace_back("caller", [&, i] {
        ready.DecrementCount();
        go.WaitForNotification();
        caller(i);
      });
    }
    ready.Wait();
    go.Notify();
  }

  std::unique_ptr<Store> other_store_;
  std::unique_ptr<Ledger> other_ledger_;
  std::unique_ptr<Limits> other_limits_;
};

TEST_P(RaceTest, OneLastUnitHasOneWinner) {
  for (int round = 0; round < 5; ++round) {
    std::atomic<int> winners = 0, losers = 0;
    Race([&](int i) {
      const std::string id = "r" + std::to_string(round) + "-" + std::to_string(i);
      const auto made =
          LedgerOf(i).Reserve(Wish(id, {{"clusters", 1}}, round * 10, round * 10 + 10));
      if (made.ok()) ++winners;
      if (ReasonOf(made.status()) == v1::QUOTA_EXCEEDED) ++losers;
    });
    EXPECT_EQ(winners, 1);
    EXPECT_EQ(losers, kThreads - 1);
  }
}

TEST_P(RaceTest, OneNameIsMadeOnceAndAllGetTheSameAnswer) {
  absl::Mutex mutex;
  std::set<std::string> answers;
  Race([&](int i) {
    const auto made = LedgerOf(i).Reserve(Wish("same", {{"clusters", 1}, {"vcpu", 4}}));
    absl::MutexLock lock(&mutex);
    answers.insert(made.ok() ? made->SerializeAsString() : made.status().ToString());
  });
  EXPECT_EQ(answers.size(), 1);
  EXPECT_EQ(UsageOf("vcpu").pending(), 4);
}

TEST_P(RaceTest, OneNameForDifferentThingsIsMadeOnce) {
  const std::vector<std::string> metrics = {"vcpu", "nodes", "buckets", "objects"};
  std::atomic<int> made = 0, reused = 0;
  Race([&](int i) {
    const auto answer = LedgerOf(i).Reserve(Wish("same", {{metrics[i % 4], 1 + i / 4}}));
    if (answer.ok()) ++made;
    if (ReasonOf(answer.status()) == v1::REQUEST_ID_REUSED) ++reused;
  });
  EXPECT_EQ(made, 1);
  EXPECT_EQ(reused, kThreads - 1);
}

TEST_P(RaceTest, OneReservationIsSupersededByOne) {
  ASSERT_TRUE(ledger_->Reserve(Wish("old", {{"vcpu", 20}})).ok());
  ASSERT_TRUE(Commit("old", {{"vcpu", 20}}).ok());
  std::atomic<int> made = 0;
  Race([&](int i) {
    v1::Reservation wish = Wish("new-" + std::to_string(i), {{"vcpu", 30}});
    wish.set_supersedes(ReservationOf("old"));
    if (LedgerOf(i).Reserve(wish).ok()) ++made;
  });
  EXPECT_EQ(made, 1);
  EXPECT_EQ(UsageOf("vcpu").pending(), 10);
}

TEST_P(RaceTest, OneRequestIdMakesOneGrant) {
  v1::CreateQuotaGrantRequest request;
  request.set_parent(kProject);
  request.mutable_quota_grant()->mutable_amount()->set_metric("vcpu");
  request.mutable_quota_grant()->mutable_amount()->set_value(1);
  *request.mutable_quota_grant()->mutable_end_time() = ToProto(At(60));
  request.set_request_id("once");
  absl::Mutex mutex;
  std::set<std::string> names;
  Race([&](int i) {
    const auto grant = LimitsOf(i).CreateGrant(request, caller_);
    absl::MutexLock lock(&mutex);
    names.insert(grant.ok() ? grant->name() : grant.status().ToString());
  });
  EXPECT_EQ(names.size(), 1);
  EXPECT_EQ(UsageOf("vcpu").limit(), 33);
}

TEST_P(RaceTest, TheLimitHoldsWhateverIsTakenAndGivenBack) {
  ASSERT_TRUE(SetLimit("nodes", 6).ok());
  std::atomic<int> won = 0, lost = 0;
  Race([&](int i) {
    Ledger& ledger = LedgerOf(i);
    for (int round = 0; round < 10; ++round) {
      const std::string id = std::to_string(i) + "-" + std::to_string(round);
      const int from = (i + round) % 5 * 10;
      const auto made =
          ledger.Reserve(Wish(id, {{"nodes", 1 + i % 3}, {"vcpu", 4}}, from, from + 15));
      if (!made.ok()) {
        EXPECT_EQ(ReasonOf(made.status()), v1::QUOTA_EXCEEDED) << made.status();
        ++lost;
        continue;
      }
      ++won;
      if (round % 3 == 0) {
        internal::v1::ReleaseRequest release;
        release.set_name(made->name());
        EXPECT_TRUE(ledger.Release(release).ok());
      } else if (round % 3 == 1) {
        internal::v1::CommitRequest commit;
        commit.set_name(made->name());
        *commit.mutable_amounts() = made->amounts();
        const auto committed = ledger.Commit(commit);
        ASSERT_TRUE(committed.ok()) << committed.status();
        EXPECT_FALSE(committed->over_reserved());
      }
    }
  });
  EXPECT_GT(won, 0);
  EXPECT_GT(lost, 0);
  for (const char* metric : {"nodes", "vcpu"}) {
    v1::QueryUsageSeriesRequest request;
    request.set_parent(kProject);
    request.set_metric(metric);
    const auto series = usage_->Series(request);
    ASSERT_TRUE(series.ok()) << series.status();
    for (const v1::UsagePoint& point : series->points()) {
      EXPECT_LE(point.used(), point.limit()) << metric;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Engines, RaceTest, testing::Values(Engine::kSqlite, Engine::kPostgres),
                         EngineName);

}  // namespace
}  // namespace stackyard::quota
