#include "tests/support/postgres.h"

#include <gtest/gtest.h>

#include "common/sql.h"

namespace stackyard {
namespace {

TEST(PostgresTest, EachDatabaseIsEmptyAndOnItsOwn) {
  const absl::StatusOr<std::string> first = NewPostgresDatabase();
  if (absl::IsNotFound(first.status())) GTEST_SKIP() << first.status();
  ASSERT_TRUE(first.ok()) << first.status();
  const absl::StatusOr<std::string> second = NewPostgresDatabase();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_NE(*first, *second);
  // The same table can be made in both.
  for (const std::string& url : {*first, *second}) {
    const auto database = Database::Open(url, {"CREATE TABLE things (id INTEGER)"});
    ASSERT_TRUE(database.ok()) << database.status();
    EXPECT_FALSE((*database)->is_sqlite());
  }
}

TEST(PostgresTest, ConnectionsThatWereCutAreMadeAnew) {
  const absl::StatusOr<std::string> url = NewPostgresDatabase();
  if (absl::IsNotFound(url.status())) GTEST_SKIP() << url.status();
  ASSERT_TRUE(url.ok()) << url.status();
  const Migrations tables = {"CREATE TABLE things (id INTEGER)"};
  const auto cut = Database::Open(*url, tables, 2);
  ASSERT_TRUE(cut.ok()) << cut.status();
  const auto other = Database::Open(*url, tables, 1);
  ASSERT_TRUE(other.ok()) << other.status();
  const auto insert = [](soci::session& sql) {
    sql << "INSERT INTO things (id) VALUES (1)";
    return absl::OkStatus();
  };
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE((*other)
                    ->Read([](soci::session& sql) {
                      sql << "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                             "WHERE datname = current_database() AND pid <> pg_backend_pid()";
                      return absl::OkStatus();
                    })
                    .ok());
    // A write that was cut may have been carried out: the caller is told so, and once per
    // connection at most.
    absl::Status written = (*cut)->Write(insert);
    for (int attempt = 0; attempt < 2 && absl::IsUnavailable(written); ++attempt) {
      written = (*cut)->Write(insert);
    }
    EXPECT_TRUE(written.ok()) << written;
    EXPECT_TRUE((*cut)->Read(insert).code() == absl::StatusCode::kInternal)
        << "a read that works again, and may not write";
  }
}

}  // namespace
}  // namespace stackyard
