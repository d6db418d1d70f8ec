#include "common/database_metrics.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "absl/time/clock.h"
#include "common/id.h"
#include "common/sql.h"
#include "common/status.h"
#include "common/test_metrics.h"
#include "common/work.h"

namespace stackyard {
namespace {

constexpr char kTransactions[] = "stackyard_db_transaction_seconds";
constexpr char kWaits[] = "stackyard_db_wait_seconds";
constexpr char kConnections[] = "stackyard_db_connections";

class DatabaseMetricsTest : public testing::Test {
 protected:
  DatabaseMetricsTest() {
    std::filesystem::create_directories(folder_);
    db_ = *Database::Open("sqlite:" + (folder_ / "test.db").string(),
                          {"CREATE TABLE things (name TEXT UNIQUE NOT NULL)"}, 3);
    MeasureDatabase(*db_, registry_);
  }
  ~DatabaseMetricsTest() override {
    db_.reset();
    std::filesystem::remove_all(folder_);
  }
  double Ended(const std::string& mode, const std::string& result) {
    return MetricValue(registry_, kTransactions, {{"mode", mode}, {"result", result}});
  }
  double Connections(const std::string& state) {
    return MetricValue(registry_, kConnections, {{"state", state}});
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("stackyard-db-metrics-" + RandomId());
  prometheus::Registry registry_;
  std::unique_ptr<Database> db_;
};

absl::Status Insert(soci::session& sql) {
  sql << "INSERT INTO things (name) VALUES ('a')";
  return absl::OkStatus();
}

TEST_F(DatabaseMetricsTest, CountsTransactionsByHowTheyEnd) {
  EXPECT_EQ(Ended("write", "ok"), 0);
  ASSERT_TRUE(db_->Write(Insert).ok());
  EXPECT_EQ(Ended("write", "ok"), 1);
  EXPECT_EQ(Ended("read", "ok"), 0);
  EXPECT_TRUE(db_->Read([](soci::session&) { return absl::OkStatus(); }).ok());
  EXPECT_EQ(Ended("read", "ok"), 1);

  EXPECT_FALSE(db_->Write(Insert).ok()) << "the name is taken";
  EXPECT_EQ(Ended("write", "error"), 1);

  // What the product refuses is no fault of the database.
  EXPECT_FALSE(db_->Write([](soci::session&) { return NotFound("projects/web"); }).ok());
  EXPECT_EQ(Ended("write", "ok"), 2);
  EXPECT_EQ(Ended("write", "error"), 1);
}

TEST_F(DatabaseMetricsTest, CountsEachTryOfWhatLostARace) {
  int tries = 0;
  EXPECT_TRUE(db_->Write([&](soci::session&) {
                   return ++tries < 3 ? absl::AbortedError("lost") : absl::OkStatus();
                 })
                  .ok());
  EXPECT_EQ(Ended("write", "conflict"), 2);
  EXPECT_EQ(Ended("write", "ok"), 1);
}

TEST_F(DatabaseMetricsTest, TellsWhichConnectionsAreBusy) {
  EXPECT_EQ(MetricValue(registry_, "stackyard_db_connections_max"), 3);
  EXPECT_EQ(Connections("idle"), 3);
  EXPECT_TRUE(db_->Read([&](soci::session&) {
                   EXPECT_EQ(Connections("busy"), 1);
                   EXPECT_EQ(Connections("idle"), 2);
                   return absl::OkStatus();
                 })
                  .ok());
  EXPECT_EQ(Connections("busy"), 0);
  EXPECT_EQ(Connections("idle"), 3);
}

TEST_F(DatabaseMetricsTest, TimesTheWaitForAConnectionApartFromTheTransaction) {
  constexpr absl::Duration kHeld = absl::Milliseconds(200);
  Notifier inside;
  const Task holder("holder", [&] {
    EXPECT_TRUE(db_->Write([&](soci::session&) {
                     inside.Notify();
                     // Until the other one has waited for so long.
                     inside.Wait(1, kHeld);
                     return absl::OkStatus();
                   })
                    .ok());
  });
  inside.Wait(0, absl::Seconds(30));
  ASSERT_TRUE(db_->Write([](soci::session&) { return absl::OkStatus(); }).ok());
  EXPECT_EQ(MetricValue(registry_, kWaits, {{"mode", "write"}}), 2);
  const double waited = MetricSum(registry_, kWaits, {{"mode", "write"}});
  EXPECT_GT(waited, absl::ToDoubleSeconds(kHeld) / 2);
  const double took = MetricSum(registry_, kTransactions, {{"mode", "write"}, {"result", "ok"}});
  EXPECT_LT(took, absl::ToDoubleSeconds(kHeld) + waited) << "the wait is no part of it";
  EXPECT_EQ(MetricValue(registry_, kWaits, {{"mode", "read"}}), 0);
}

}  // namespace
}  // namespace stackyard
