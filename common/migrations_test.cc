// What replicas of several releases do to one database, on both engines.
#include "common/migrations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <optional>

#include "absl/time/clock.h"
#include "common/id.h"
#include "common/work.h"
#include "tests/support/postgres.h"

namespace stackyard {
namespace {

using testing::HasSubstr;

const Migrations kFirst = {"CREATE TABLE things (id {bigserial}, name TEXT UNIQUE NOT NULL)"};

// The release after: additive, as the rule wants it.
Migrations Second() {
  Migrations migrations = kFirst;
  migrations.push_back(
      "ALTER TABLE things ADD COLUMN size INTEGER NOT NULL DEFAULT 7;"
      "CREATE INDEX things_size ON things (size)");
  return migrations;
}

// The one after that takes away what the second no longer uses.
Migrations Third() {
  Migrations migrations = Second();
  migrations.push_back("{min_version 2}; ALTER TABLE things RENAME COLUMN name TO title");
  return migrations;
}

class MigrationsTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "Postgres") {
      const auto url = NewPostgresDatabase();
      if (absl::IsNotFound(url.status())) GTEST_SKIP() << "PostgreSQL is not installed";
      ASSERT_TRUE(url.ok()) << url.status();
      url_ = *url;
    } else {
      std::filesystem::create_directories(folder_);
      url_ = "sqlite:" + (folder_ / "test.db").string();
    }
  }
  ~MigrationsTest() override { std::filesystem::remove_all(folder_); }

  absl::StatusOr<std::unique_ptr<Database>> Open(const Migrations& migrations) const {
    return Database::Open(url_, migrations, 2);
  }
  static absl::Status Insert(Database& database, const std::string& name) {
    return database.Write([&](soci::session& sql) {
      sql << "INSERT INTO things (name) VALUES (:name)", soci::use(name);
      return absl::OkStatus();
    });
  }
  static int Number(Database& database, const std::string& query) {
    int number = -1;
    const absl::Status status = database.Read([&](soci::session& sql) {
      sql << query, soci::into(number);
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
    return number;
  }

  std::string url_;

 private:
  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("stackyard-migrations-" + RandomId());
};

TEST_P(MigrationsTest, ManyReplicasThatStartTogetherRunEachMigrationOnce) {
  Migrations migrations = Second();
  // A second run of it would show, and would not fail by itself.
  migrations.push_back("INSERT INTO things (name) SELECT 'row ' || COUNT(*) FROM things");
  constexpr int kReplicas = 8;
  std::vector<absl::Status> answers(kReplicas);
  Notifier start;
  {
    std::vector<Task> replicas;
    for (int i = 0; i < kReplicas; ++i) {
      replicas.emplace_back("replica", [&, i] {
        start.Wait(0, absl::Seconds(30));
        answers[i] = Open(migrations).status();
      });
    }
    start.Notify();
  }
  for (const absl::Status& answer : answers) EXPECT_TRUE(answer.ok()) << answer;
  const auto database = *Open(migrations);
  EXPECT_EQ(Number(*database, "SELECT COUNT(*) FROM things"), 1);
  EXPECT_EQ(Number(*database, "SELECT COUNT(*) FROM schema_migrations"), 3);
}

TEST_P(MigrationsTest, AnOldReplicaWorksOnBesideTheNewSchema) {
  const auto old = *Open(kFirst);
  ASSERT_TRUE(Insert(*old, "a").ok());
  EXPECT_EQ(Number(*old, "SELECT COUNT(*) FROM things"), 1);
  const auto young = *Open(Second());
  ASSERT_TRUE(Insert(*old, "b").ok());
  EXPECT_EQ(Number(*old, "SELECT COUNT(*) FROM things"), 2);
  EXPECT_EQ(Number(*young, "SELECT SUM(size) FROM things"), 14);
}

TEST_P(MigrationsTest, AnOldProgramStartsOnANewerSchemaThatIsForIt) {
  ASSERT_TRUE(Open(Second()).ok());
  const auto old = Open(kFirst);
  ASSERT_TRUE(old.ok()) << old.status();
  EXPECT_TRUE(Insert(**old, "a").ok());
  EXPECT_EQ(Number(**old, "SELECT MAX(version) FROM schema_migrations"), 2) << "nothing is undone";
}

TEST_P(MigrationsTest, AProgramThatIsTooOldIsRefusedAndTouchesNothing) {
  ASSERT_TRUE(Open(Third()).ok());
  EXPECT_TRUE(Open(Second()).ok()) << "it knows the version that is needed";
  const absl::Status refused = Open(kFirst).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()),
              HasSubstr("has schema 3, which is for programs that know schema 2 or newer, and this "
                        "one knows 1"));
  EXPECT_EQ(refused.message().find('\n'), absl::string_view::npos);
  EXPECT_TRUE(Open(Third()).ok());
}

TEST_P(MigrationsTest, OneThatFailsLeavesNothing) {
  Migrations bad = Second();
  bad.push_back("CREATE TABLE more (id INTEGER PRIMARY KEY); INSERT INTO nowhere VALUES (1)");
  EXPECT_FALSE(Open(bad).ok());
  bad.back() = "CREATE TABLE more (id INTEGER PRIMARY KEY); {min_version 4}";
  EXPECT_THAT(std::string(Open(bad).status().message()), HasSubstr("from 1 to its own"));
  bad.back() = "CREATE TABLE more (id INTEGER PRIMARY KEY); {min_version 3}";
  const auto good = Open(bad);
  ASSERT_TRUE(good.ok()) << good.status();
  EXPECT_EQ(Number(**good, "SELECT COUNT(*) FROM more"), 0);
}

// A transaction of an old replica that holds the table keeps a migration waiting, and nobody else
// behind it for long.
TEST_P(MigrationsTest, AMigrationWaitsForATransactionThatGoesOn) {
  const auto old = *Open(kFirst);
  ASSERT_TRUE(Insert(*old, "a").ok());
  Notifier inside, leave;
  absl::Status written, migrated;
  {
    const Task writer("writer", [&] {
      written = old->Write([&](soci::session& sql) {
        sql << "UPDATE things SET name = 'b'";
        inside.Notify();
        leave.Wait(0, absl::Seconds(30));
        return absl::OkStatus();
      });
    });
    inside.Wait(0, absl::Seconds(30));
    const Task young("young", [&] { migrated = Open(Second()).status(); });
    leave.Notify();
  }
  EXPECT_TRUE(written.ok()) << written;
  EXPECT_TRUE(migrated.ok()) << migrated;
}

INSTANTIATE_TEST_SUITE_P(Engines, MigrationsTest, testing::Values("Sqlite", "Postgres"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace stackyard
