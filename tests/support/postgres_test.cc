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

}  // namespace
}  // namespace stackyard
