// Calls that are decided and committed together, and replicas that keep up with each other.
#include <soci/postgresql/soci-postgresql.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include "absl/strings/strip.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "common/work.h"
#include "services/quota/testing.h"

namespace stackyard::quota {
namespace {

class GroupTest : public QuotaTest {
 protected:
  void SetUp() override {
    QuotaTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ledger_ = NewReplica(*store_, report_, {});
  }

  std::unique_ptr<Ledger> NewReplica(Store& store, GroupReport& report,
                                     const LedgerOptions& options) {
    return std::make_unique<Ledger>(store, clock_, options,
                                    [&report](const GroupReport& seen) { report = seen; });
  }

  // Runs SQL beside the service.
  void Sql(const std::vector<std::string>& statements) {
    absl::string_view url = url_;
    soci::session sql;
    if (absl::ConsumePrefix(&url, "sqlite:")) {
      sql.open(soci::sqlite3, "dbname=\"" + std::string(url) + "\"");
    } else {
      absl::ConsumePrefix(&url, "postgresql:");
      sql.open(soci::postgresql, std::string(url));
    }
    for (const std::string& statement : statements) sql << statement;
  }

  // Makes the database do `action` whenever a row is inserted for which `condition` holds.
  void Sabotage(const std::string& table, const std::string& condition, const std::string& action) {
    if (GetParam() == Engine::kSqlite) {
      Sql({"CREATE TRIGGER sabotage AFTER INSERT ON " + table + " WHEN " + condition + " BEGIN " +
           action + "; END"});
    } else {
      Sql({"CREATE FUNCTION sabotage() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " + action +
               "; RETURN NULL; END $$",
           "CREATE TRIGGER sabotage AFTER INSERT ON " + table + " FOR EACH ROW WHEN (" + condition +
               ") EXECUTE FUNCTION sabotage()"});
    }
  }
  void EndSabotage(const std::string& table) {
    Sql({GetParam() == Engine::kSqlite ? "DROP TRIGGER sabotage"
                                       : "DROP TRIGGER sabotage ON " + table});
  }

  // Reserves all of it in one group, and answers in the same order.
  std::vector<absl::StatusOr<v1::Reservation>> Together(
      const std::vector<v1::Reservation>& wishes) {
    absl::Notification busy, go_on;
    // Somebody is kept in an answer while the others come.
    const Task first("first", [&] {
      ledger_->Release(Nothing(), [&](const auto&) {
        busy.Notify();
        go_on.WaitForNotification();
      });
    });
    busy.WaitForNotification();
    std::vector<absl::StatusOr<v1::Reservation>> answers(wishes.size(),
                                                         absl::UnknownError("not answered"));
    absl::BlockingCounter left(static_cast<int>(wishes.size()));
    for (size_t i = 0; i < wishes.size(); ++i) {
      ledger_->Reserve(wishes[i], [&answers, &left, i](absl::StatusOr<v1::Reservation> answer) {
        answers[i] = std::move(answer);
        left.DecrementCount();
      });
    }
    go_on.Notify();
    left.Wait();
    return answers;
  }
  static internal::v1::ReleaseRequest Nothing() {
    internal::v1::ReleaseRequest nothing;
    nothing.set_name(ReservationOf("nothing"));
    return nothing;
  }

  GroupReport report_;
};

TEST_P(GroupTest, IsDecidedInOrderAndEachGetsItsOwnAnswer) {
  v1::Reservation late = Wish("late", {{"nodes", 1}}, -30, -10);
  v1::Reservation other = Wish("a", {{"nodes", 2}});
  const auto answers =
      Together({Wish("a", {{"nodes", 3}, {"vcpu", 1}}), Wish("b", {{"nodes", 3}, {"vcpu", 1}}),
                late, Wish("a", {{"nodes", 3}, {"vcpu", 1}}), other, Wish("c", {{"nodes", 2}})});
  EXPECT_EQ(report_.calls, 6);
  ASSERT_TRUE(answers[0].ok()) << answers[0].status();
  EXPECT_EQ(ReasonOf(answers[1].status()), v1::QUOTA_EXCEEDED);
  EXPECT_EQ(ReasonOf(answers[2].status()), v1::INVALID_FIELD);
  ASSERT_TRUE(answers[3].ok()) << "a replay within the group";
  EXPECT_EQ(answers[3]->SerializeAsString(), answers[0]->SerializeAsString());
  EXPECT_EQ(ReasonOf(answers[4].status()), v1::REQUEST_ID_REUSED);
  EXPECT_TRUE(answers[5].ok()) << answers[5].status();
  EXPECT_EQ(UsageOf("nodes").pending(), 5);
  EXPECT_EQ(UsageOf("vcpu").pending(), 1);
  EXPECT_EQ(ReasonOf(Get("b").status()), v1::RESOURCE_NOT_FOUND);
}

TEST_P(GroupTest, AReservationMayLiveAndDieInOneGroup) {
  absl::Notification busy, go_on;
  const Task first("first", [&] {
    ledger_->Release(Nothing(), [&](const auto&) {
      busy.Notify();
      go_on.WaitForNotification();
    });
  });
  busy.WaitForNotification();
  v1::Reservation update = Wish("new", {{"nodes", 5}});
  update.set_supersedes(ReservationOf("old"));
  internal::v1::CommitRequest commit_old, commit_new;
  commit_old.set_name(ReservationOf("old"));
  AddAmounts({{"nodes", 4}, {"vcpu", 1}}, commit_old.mutable_amounts());
  commit_new.set_name(ReservationOf("new"));
  AddAmounts({{"nodes", 5}}, commit_new.mutable_amounts());
  internal::v1::ReleaseRequest release;
  release.set_name(ReservationOf("new"));
  std::vector<absl::StatusOr<v1::Reservation>> answers;
  absl::BlockingCounter left(5);
  const auto done = [&](absl::StatusOr<v1::Reservation> answer) {
    answers.push_back(std::move(answer));
    left.DecrementCount();
  };
  ledger_->Reserve(Wish("old", {{"nodes", 4}}), done);
  ledger_->Commit(commit_old, done);
  ledger_->Reserve(update, done);
  ledger_->Commit(commit_new, done);
  ledger_->Release(release, done);
  go_on.Notify();
  left.Wait();
  EXPECT_EQ(report_.calls, 5);
  for (const auto& answer : answers) EXPECT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(Get("old")->state(), v1::Reservation::RELEASED);
  EXPECT_EQ(Get("new")->state(), v1::Reservation::RELEASED);
  EXPECT_TRUE(Get("old")->over_reserved());
  // Memory and rows agree that all of it is free.
  EXPECT_EQ(UsageOf("nodes").committed() + UsageOf("nodes").pending(), 0);
  EXPECT_TRUE(ledger_->Reserve(Wish("all", {{"nodes", 5}, {"vcpu", 32}})).ok());
}

TEST_P(GroupTest, WhatTheDatabaseRefusesOfOneCallFailsThatOneAlone) {
  v1::Reservation poison = Wish("poison", {{"nodes", 1}});
  poison.set_holder("poison");
  Sabotage(
      "reservations", "NEW.holder = 'poison'",
      GetParam() == Engine::kSqlite ? "SELECT RAISE(ABORT, 'poison')" : "RAISE EXCEPTION 'poison'");
  const auto answers = Together({Wish("a", {{"nodes", 2}}), poison, Wish("b", {{"nodes", 3}})});
  EXPECT_TRUE(answers[0].ok()) << answers[0].status();
  EXPECT_FALSE(answers[1].ok());
  EXPECT_EQ(ReasonOf(answers[1].status()), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_TRUE(answers[2].ok()) << answers[2].status();
  EXPECT_EQ(UsageOf("nodes").pending(), 5);
  EXPECT_EQ(ReasonOf(ledger_->Reserve(Wish("c", {{"nodes", 1}})).status()), v1::QUOTA_EXCEEDED);
}

TEST_P(GroupTest, ACommitThatFailsFailsAllAndNothingOfItIsRemembered) {
  ASSERT_TRUE(ledger_->Reserve(Wish("before", {{"nodes", 1}})).ok());
  const int64_t rebuilt = report_.counts.rebuilt;
  // A reference to nothing, which is looked at when everything else is done.
  Sql({"CREATE TABLE parents (id INTEGER PRIMARY KEY)",
       "CREATE TABLE orphans (id INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)"});
  Sabotage("capacity_log", "1 = 1", "INSERT INTO orphans (id) VALUES (1)");
  const auto answers = Together(
      {Wish("a", {{"nodes", 2}}), Wish("too-much", {{"nodes", 9}}), Wish("b", {{"nodes", 2}})});
  for (const auto& answer : answers) {
    EXPECT_FALSE(answer.ok());
    // Also of the one that would have been refused: what it was held against never came to be.
    EXPECT_EQ(ReasonOf(answer.status()), v1::ERROR_REASON_UNSPECIFIED) << answer.status();
  }
  EndSabotage("capacity_log");
  EXPECT_EQ(ReasonOf(Get("a").status()), v1::RESOURCE_NOT_FOUND);
  EXPECT_TRUE(ledger_->Reserve(Wish("a", {{"nodes", 4}})).ok()) << "nothing of it is held";
  EXPECT_GT(report_.counts.rebuilt, rebuilt);
  EXPECT_EQ(ReasonOf(ledger_->Reserve(Wish("b", {{"nodes", 1}})).status()), v1::QUOTA_EXCEEDED);
}

TEST_P(GroupTest, AReplicaFollowsTheLogAndReadsAllRowsWhereItEnds) {
  absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(url_);
  ASSERT_TRUE(store.ok()) << store.status();
  GroupReport report;
  const std::unique_ptr<Ledger> other = NewReplica(**store, report, {});
  ASSERT_TRUE(other->Reserve(Wish("first", {{"nodes", 1}})).ok());
  EXPECT_EQ(report.counts.rebuilt, 1);

  ASSERT_TRUE(ledger_->Reserve(Wish("a", {{"nodes", 2}})).ok());
  ASSERT_TRUE(Commit("a", {{"nodes", 1}}).ok());
  ASSERT_TRUE(SetLimit("nodes", 3).ok());
  ASSERT_TRUE(other->Reserve(Wish("second", {{"nodes", 1}})).ok());
  EXPECT_EQ(ReasonOf(other->Reserve(Wish("third", {{"nodes", 1}})).status()), v1::QUOTA_EXCEEDED);
  EXPECT_EQ(report.counts.followed, 3);
  EXPECT_EQ(report.counts.rebuilt, 1);

  // Trimmed.
  ASSERT_TRUE(Release("a").ok());
  Sql({"DELETE FROM capacity_log"});
  EXPECT_TRUE(other->Reserve(Wish("fourth", {{"nodes", 1}})).ok());
  EXPECT_EQ(report.counts.rebuilt, 2);

  // By a program that moves versions on and writes no log.
  Sql({"UPDATE limits SET value = 4", "UPDATE versions SET version = version + 1"});
  EXPECT_TRUE(other->Reserve(Wish("fifth", {{"nodes", 1}})).ok());
  EXPECT_EQ(report.counts.rebuilt, 3);

  // By one that writes what this one does not understand.
  Sql({"UPDATE versions SET version = version + 1 WHERE metric = 'nodes'",
       "INSERT INTO capacity_log SELECT project, metric, version, 'news' FROM versions "
       "WHERE metric = 'nodes'"});
  EXPECT_EQ(ReasonOf(other->Reserve(Wish("sixth", {{"nodes", 1}})).status()), v1::QUOTA_EXCEEDED);
  EXPECT_EQ(report.counts.rebuilt, 4);
}

TEST_P(GroupTest, TheLogIsTrimmedAndAReplicaFarBehindStartsAnew) {
  absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(url_);
  ASSERT_TRUE(store.ok()) << store.status();
  GroupReport report;
  const std::unique_ptr<Ledger> other = NewReplica(**store, report, {});
  ASSERT_TRUE(other->Reserve(Wish("first", {{"nodes", 1}})).ok());
  // As if very much had happened.
  Sql({"UPDATE versions SET version = 6399", "UPDATE capacity_log SET version = 6399"});
  ASSERT_TRUE(ledger_->Reserve(Wish("a", {{"nodes", 1}})).ok());
  Sql({"UPDATE versions SET version = version + 4095 WHERE metric = 'nodes'"});
  ASSERT_TRUE(ledger_->Reserve(Wish("b", {{"nodes", 1}})).ok());
  const auto logged = store_->Read<bool>([&](Tx& tx) -> absl::StatusOr<bool> {
    return tx.ChangesBetween({"web", "nodes"}, 6399, 6400).has_value();
  });
  ASSERT_TRUE(logged.ok()) << logged.status();
  EXPECT_FALSE(*logged) << "it was trimmed with version 10496";
  EXPECT_EQ(ReasonOf(other->Reserve(Wish("c", {{"nodes", 3}})).status()), v1::QUOTA_EXCEEDED);
  EXPECT_EQ(report.counts.rebuilt, 2);
}

TEST_P(GroupTest, MemoryIsBoundedByForgettingWhatWasNotUsedForLongest) {
  GroupReport report;
  const std::unique_ptr<Ledger> small = NewReplica(*store_, report, {.most_nodes = 8});
  for (int round = 0; round < 2; ++round) {
    for (const char* metric : {"vcpu", "nodes", "buckets"}) {
      const std::string id = metric + std::to_string(round);
      ASSERT_TRUE(small->Reserve(Wish(id, {{metric, 2}}, 10 * round, 60 + round)).ok());
    }
  }
  EXPECT_LE(report.nodes, 20) << "the last transaction's own stays, of three";
  EXPECT_GT(report.counts.evicted, 2);
  EXPECT_EQ(report.counts.rebuilt, 6);
  EXPECT_EQ(ReasonOf(small->Reserve(Wish("more", {{"nodes", 2}})).status()), v1::QUOTA_EXCEEDED);
}

TEST_P(GroupTest, CheckFitWaitsForNobodyElsesLock) {
  absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(url_);
  ASSERT_TRUE(store.ok()) << store.status();
  ASSERT_TRUE(ledger_->Reserve(Wish("a", {{"nodes", 2}})).ok());
  const auto held = (*store)->Write<bool>([&](Tx& tx) -> absl::StatusOr<bool> {
    tx.LockProjects({"web"});
    v1::CheckFitRequest request;
    request.set_parent(kProject);
    AddAmounts({{"nodes", 3}}, request.mutable_amounts());
    *request.mutable_end_time() = ToProto(At(60));
    const auto fit = ledger_->CheckFit(request);
    if (!fit.ok()) return fit.status();
    return fit->fits();
  });
  ASSERT_TRUE(held.ok()) << held.status();
  EXPECT_TRUE(*held);
}

INSTANTIATE_TEST_SUITE_P(Engines, GroupTest, testing::Values(Engine::kSqlite, Engine::kPostgres),
                         EngineName);

}  // namespace
}  // namespace stackyard::quota
