#include "services/quota/usage_gauges.h"

#include "common/test_metrics.h"
#include "services/quota/testing.h"

namespace stackyard::quota {
namespace {

class UsageGaugesTest : public QuotaTest {
 protected:
  // What is shown after another look at the database.
  double Read(UsageGauges& gauges, const std::string& name, const std::string& metric = "vcpu") {
    const absl::Status read = gauges.Refresh();
    EXPECT_TRUE(read.ok()) << read;
    return MetricValue(gauges, "stackyard_quota_" + name, {{"project", "web"}, {"metric", metric}});
  }
  // Used, pending and limit in one text.
  std::string Line(UsageGauges& gauges, const std::string& metric = "vcpu") {
    const auto number = [&](const std::string& name) {
      return std::to_string(static_cast<int>(Read(gauges, name, metric)));
    };
    return number("used") + "+" + number("pending") + " of " + number("limit");
  }
  static double Omitted(UsageGauges& gauges) {
    return MetricValue(gauges, "stackyard_quota_series_omitted");
  }
};

INSTANTIATE_TEST_SUITE_P(Engines, UsageGaugesTest,
                         testing::Values(Engine::kSqlite, Engine::kPostgres), EngineName);

TEST_P(UsageGaugesTest, FollowsAReservationThroughItsLife) {
  UsageGauges gauges(*store_, clock_, 5000);
  EXPECT_EQ(Read(gauges, "used"), -1) << "nobody ever used it";
  ASSERT_TRUE(ledger_->Reserve(Wish("a", {{"vcpu", 4}, {"nodes", 1}})).ok());
  EXPECT_EQ(Line(gauges), "0+4 of 32");
  EXPECT_EQ(Line(gauges, "nodes"), "0+1 of 5");
  ASSERT_TRUE(Commit("a", {{"vcpu", 3}, {"nodes", 1}}).ok());
  EXPECT_EQ(Line(gauges), "3+0 of 32");
  ASSERT_TRUE(Release("a").ok());
  EXPECT_EQ(Line(gauges), "0+0 of 32");
}

TEST_P(UsageGaugesTest, SaysTheSameAsListUsage) {
  UsageGauges gauges(*store_, clock_, 5000);
  ASSERT_TRUE(SetLimit("vcpu", 10).ok());
  ASSERT_TRUE(AddGrant("vcpu", 8, 0, 30).ok());
  ASSERT_TRUE(ledger_->Reserve(Wish("a", {{"vcpu", 4}}, 0, 20)).ok());
  ASSERT_TRUE(Commit("a", {{"vcpu", 4}}).ok());
  ASSERT_TRUE(ledger_->Reserve(Wish("b", {{"vcpu", 5}}, 10, 25)).ok());
  for (int minute = 0; minute < 70; minute += 5) {
    const v1::Usage usage = UsageOf("vcpu");
    EXPECT_EQ(Line(gauges), std::to_string(usage.committed()) + "+" +
                                std::to_string(usage.pending()) + " of " +
                                std::to_string(usage.limit()))
        << "in minute " << minute;
    clock_.Advance(absl::Minutes(5));
  }
}

TEST_P(UsageGaugesTest, TimeAloneMovesThemOn) {
  UsageGauges gauges(*store_, clock_, 5000);
  ASSERT_TRUE(ledger_->Reserve(Wish("a", {{"vcpu", 4}}, 10, 20)).ok());
  ASSERT_TRUE(AddGrant("vcpu", 8, 15, 40).ok());
  EXPECT_EQ(Line(gauges), "0+0 of 32");
  clock_.Advance(absl::Minutes(10));
  EXPECT_EQ(Line(gauges), "0+4 of 32");
  clock_.Advance(absl::Minutes(5));
  EXPECT_EQ(Line(gauges), "0+4 of 40");
  clock_.Advance(absl::Minutes(5));
  EXPECT_EQ(Line(gauges), "0+0 of 40");
  clock_.Advance(absl::Minutes(20));
  EXPECT_EQ(Line(gauges), "0+0 of 32");
}

TEST_P(UsageGaugesTest, WhatNobodyCommitsInTimeIsPendingNoMore) {
  UsageGauges gauges(*store_, clock_, 5000);
  ASSERT_TRUE(ledger_->Reserve(Wish("a", {{"vcpu", 4}}, 0, 120)).ok());
  EXPECT_EQ(Line(gauges), "0+4 of 32");
  clock_.Advance(absl::Minutes(60));
  EXPECT_EQ(Line(gauges), "0+0 of 32");
}

TEST_P(UsageGaugesTest, TellsWhereMoreIsHeldThanTheLimitAllows) {
  UsageGauges gauges(*store_, clock_, 5000);
  ASSERT_TRUE(ledger_->Reserve(Wish("a", {{"vcpu", 4}})).ok());
  ASSERT_TRUE(Commit("a", {{"vcpu", 4}}).ok());
  EXPECT_EQ(Read(gauges, "over_committed"), 0);
  ASSERT_TRUE(SetLimit("vcpu", 3).ok());
  EXPECT_EQ(Read(gauges, "over_committed"), 1);
  ASSERT_TRUE(SetLimit("vcpu", 4).ok());
  EXPECT_EQ(Read(gauges, "over_committed"), 0);
}

TEST_P(UsageGaugesTest, SeriesAreBoundedAndTheRestIsCounted) {
  UsageGauges gauges(*store_, clock_, 4 * 2 + 3);
  ASSERT_TRUE(ledger_->Reserve(Wish("a", {{"buckets", 1}, {"nodes", 1}, {"vcpu", 1}})).ok());
  EXPECT_EQ(Read(gauges, "pending", "buckets"), 1);
  EXPECT_EQ(Read(gauges, "pending", "nodes"), 1);
  EXPECT_EQ(Read(gauges, "pending", "vcpu"), -1);
  EXPECT_EQ(Omitted(gauges), 4);
  size_t series = 0;
  for (const auto& family : gauges.Collect()) series += family.metric.size();
  EXPECT_EQ(series, 4 * 2 + 1);

  UsageGauges none(*store_, clock_, 0);
  EXPECT_EQ(Read(none, "pending", "buckets"), -1);
  EXPECT_EQ(Omitted(none), 12);
}

// Reading all projects at every look would be a scan of all reservations.
TEST_P(UsageGaugesTest, AProjectWhereNothingChangedIsNotReadAgain) {
  UsageGauges gauges(*store_, clock_, 5000);
  ASSERT_TRUE(ledger_->Reserve(Wish("a", {{"vcpu", 4}})).ok());
  EXPECT_EQ(Line(gauges), "0+4 of 32");
  // Behind everybody's back, without a version.
  const auto hidden = store_->database().Write([](soci::session& sql) {
    sql << "UPDATE holds SET amount = 9";
    return absl::OkStatus();
  });
  ASSERT_TRUE(hidden.ok()) << hidden;
  EXPECT_EQ(Line(gauges), "0+4 of 32");
  ASSERT_TRUE(SetLimit("vcpu", 20).ok());
  EXPECT_EQ(Line(gauges), "0+9 of 20");
}

}  // namespace
}  // namespace stackyard::quota
