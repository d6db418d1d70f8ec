#include "common/sql.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "common/id.h"
#include "google/rpc/status.pb.h"

namespace stackyard {
namespace {

const Migrations kFirst = {"CREATE TABLE things (id {bigserial}, name TEXT UNIQUE NOT NULL)"};

class SqlTest : public testing::Test {
 protected:
  SqlTest() { std::filesystem::create_directories(folder_); }
  ~SqlTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Database> Open(const Migrations& migrations) {
    auto database = Database::Open("sqlite:" + (folder_ / "test.db").string(), migrations);
    EXPECT_TRUE(database.ok()) << database.status();
    return *std::move(database);
  }
  static absl::Status Insert(Database& database, const std::string& name) {
    return database.Write([&](soci::session& sql) {
      sql << "INSERT INTO things (name) VALUES (:name)", soci::use(name);
      return absl::OkStatus();
    });
  }
  static int Count(Database& database) {
    int count = -1;
    const absl::Status status = database.Read([&](soci::session& sql) {
      sql << "SELECT COUNT(*) FROM things", soci::into(count);
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
    return count;
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("stackyard-sql-" + RandomId());
};

TEST_F(SqlTest, KeepsWhatWasWrittenOverAReopen) {
  ASSERT_TRUE(Insert(*Open(kFirst), "a").ok());
  EXPECT_EQ(Count(*Open(kFirst)), 1);
}

TEST_F(SqlTest, MigratesForwardOnceAndOnlyWhatIsMissing) {
  ASSERT_TRUE(Insert(*Open(kFirst), "a").ok());
  Migrations more = kFirst;
  more.push_back(
      "ALTER TABLE things ADD COLUMN size INTEGER NOT NULL DEFAULT 7; "
      "CREATE INDEX things_size ON things (size)");
  Open(more);
  auto database = Open(more);
  int size = 0;
  ASSERT_TRUE(database
                  ->Read([&](soci::session& sql) {
                    sql << "SELECT size FROM things WHERE name = 'a'", soci::into(size);
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_EQ(size, 7);
}

TEST_F(SqlTest, AMigrationMayHoldWhatOnlyOneEngineTakes) {
  const auto db = Open({R"sql(
CREATE TABLE things (name {bytes}, size INTEGER NOT NULL DEFAULT 0);
{postgres} CREATE FUNCTION none() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
{sqlite} CREATE TRIGGER grows AFTER INSERT ON things
  BEGIN $$ UPDATE things SET size = size + 1; UPDATE things SET size = size * 2; $$ END
)sql"});
  ASSERT_TRUE(Insert(*db, "a").ok());
  int size = 0;
  ASSERT_TRUE(db->Read([&](soci::session& sql) {
                  sql << "SELECT size FROM things", soci::into(size);
                  return absl::OkStatus();
                }).ok());
  EXPECT_EQ(size, 2);
}

TEST_F(SqlTest, TheDataVersionMovesOnWithEveryCommit) {
  const auto one = Open(kFirst);
  const auto two = Open(kFirst);
  auto last = one->DataVersion();
  ASSERT_TRUE(last.has_value());
  EXPECT_EQ(one->DataVersion(), last);
  for (Database* writer : {one.get(), two.get(), one.get()}) {
    ASSERT_TRUE(Insert(*writer, std::to_string(*last)).ok());
    const auto next = one->DataVersion();
    EXPECT_NE(next, last);
    EXPECT_EQ(one->DataVersion(), next);
    last = next;
  }
  Count(*two);
  EXPECT_EQ(one->DataVersion(), last) << "a read changes nothing";
  EXPECT_FALSE(one->Write([](soci::session& sql) {
                    sql << "INSERT INTO things (name) VALUES ('gone')";
                    return absl::CancelledError("no");
                  })
                   .ok());
  EXPECT_EQ(one->DataVersion(), last) << "what is rolled back changes nothing";
}

TEST_F(SqlTest, RollsBackWhenTheBodyFailsOrThrows) {
  auto database = Open(kFirst);
  const absl::Status failed = database->Write([](soci::session& sql) {
    sql << "INSERT INTO things (name) VALUES ('a')";
    return absl::CancelledError("no");
  });
  EXPECT_TRUE(absl::IsCancelled(failed));
  const absl::Status thrown = database->Write([](soci::session& sql) {
    sql << "INSERT INTO things (name) VALUES ('b')";
    sql << "INSERT INTO nowhere (name) VALUES ('b')";
    return absl::OkStatus();
  });
  EXPECT_TRUE(absl::IsInternal(thrown)) << thrown;
  EXPECT_EQ(Count(*database), 0);
}

TEST_F(SqlTest, StatementsOfOneTextDoNotDisturbEachOther) {
  const auto db = Open(kFirst);
  ASSERT_TRUE(db->Write([](soci::session& sql) {
                  sql << "CREATE TABLE numbers (n INTEGER PRIMARY KEY, t TEXT)";
                  for (int n = 0; n < 1000; ++n) {
                    sql << "INSERT INTO numbers (n, t) VALUES (:n, :t)", soci::use(n),
                        soci::use(std::to_string(n));
                  }
                  return absl::OkStatus();
                }).ok());
  const absl::Status read = db->Read([](soci::session& sql) {
    const std::string text = "SELECT t FROM numbers WHERE n >= :n ORDER BY n";
    int first = 1, second = 500;
    std::string one, two;
    soci::statement outer = (sql.prepare << text, soci::use(first), soci::into(one));
    outer.execute();
    EXPECT_TRUE(outer.fetch());
    // The same text while the first still goes on, and one that ends before its rows do.
    soci::statement inner = (sql.prepare << text, soci::use(second), soci::into(two));
    inner.execute();
    EXPECT_TRUE(inner.fetch());
    EXPECT_TRUE(outer.fetch());
    EXPECT_EQ(one, "2");
    EXPECT_EQ(two, "500");
    std::string third;
    sql << text, soci::use(second), soci::into(third);
    EXPECT_EQ(third, "500");
    return absl::OkStatus();
  });
  EXPECT_TRUE(read.ok()) << read;
}

TEST_F(SqlTest, AStatementThatFailedWorksAgain) {
  const auto db = Open(kFirst);
  ASSERT_TRUE(db->Write([](soci::session& sql) {
                  sql << "CREATE TABLE keys (k INTEGER PRIMARY KEY, t TEXT)";
                  return absl::OkStatus();
                }).ok());
  const auto insert = [&](int key) {
    return db->Write([&](soci::session& sql) {
      sql << "INSERT INTO keys (k, t) VALUES (:k, 'x')", soci::use(key);
      return absl::OkStatus();
    });
  };
  EXPECT_TRUE(insert(1).ok());
  EXPECT_EQ(insert(1).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(insert(2).ok());
}

TEST_F(SqlTest, StatementsOutliveAChangeOfTheSchema) {
  const auto db = Open(kFirst);
  int count = 0;
  const auto add = [&] {
    return db->Write([&](soci::session& sql) {
      sql << "INSERT INTO shelf DEFAULT VALUES";
      sql << "SELECT COUNT(*) FROM shelf", soci::into(count);
      return absl::OkStatus();
    });
  };
  const auto change = [&](const std::string& statement) {
    return db->Write([&](soci::session& sql) {
      sql << statement;
      return absl::OkStatus();
    });
  };
  ASSERT_TRUE(change("CREATE TABLE shelf (id INTEGER PRIMARY KEY)").ok());
  EXPECT_TRUE(add().ok());
  ASSERT_TRUE(change("ALTER TABLE shelf ADD COLUMN colour TEXT DEFAULT 'red'").ok());
  EXPECT_TRUE(add().ok());
  EXPECT_EQ(count, 2);
}

TEST_F(SqlTest, ATakenKeyIsAlreadyExists) {
  auto database = Open(kFirst);
  ASSERT_TRUE(Insert(*database, "a").ok());
  EXPECT_TRUE(absl::IsAlreadyExists(Insert(*database, "a")));
}

TEST_F(SqlTest, WritersOfTwoConnectionsTakeTurns) {
  auto one = Open(kFirst);
  auto two = Open(kFirst);
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        const absl::Status status = Insert(t % 2 ? *one : *two, std::to_string(t * 100 + i));
        EXPECT_TRUE(status.ok()) << status;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(Count(*one), 160);
}

TEST(SqlUrlTest, RefusesWhatIsNoDatabase) {
  EXPECT_TRUE(absl::IsInvalidArgument(Database::Open("mysql:x", kFirst).status()));
  EXPECT_FALSE(Database::Open("postgresql:host=/nonexistent dbname=x", kFirst).ok());
}

TEST(PackTest, RoundTripsAndRefusesGarbage) {
  google::rpc::Status in, out;
  in.set_message("hé\0llo");
  ASSERT_TRUE(Unpack(Pack(in), out).ok());
  EXPECT_EQ(out.message(), in.message());
  EXPECT_FALSE(Unpack("***", out).ok());
}

}  // namespace
}  // namespace stackyard
