#include "services/quota/book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stackyard::quota {
namespace {

using testing::ElementsAre;

absl::Time At(int minutes) { return absl::UnixEpoch() + absl::Minutes(minutes); }

Reservation Held(const std::string& id, ReservationState state, int64_t vcpu, int from, int to,
                 const std::string& user = "", const std::string& supersedes = "") {
  Reservation reservation;
  reservation.name = {"web", id};
  reservation.state = state;
  reservation.amounts = {{"vcpu", vcpu}};
  reservation.window = {At(from), At(to)};
  reservation.user = user;
  reservation.supersedes = supersedes;
  return reservation;
}

Book NewBook(std::vector<Reservation> held) {
  Book book;
  book.metrics["vcpu"] = {"vCPU", 32};
  book.held = std::move(held);
  return book;
}

constexpr auto kPending = ReservationState::kPending;
constexpr auto kCommitted = ReservationState::kCommitted;

TEST(BookTest, TheProjectsOwnLimitGoesBeforeTheDefault) {
  Book book = NewBook({});
  EXPECT_THAT(BookCapacity(book).Series({"vcpu", ""}, At(0)).steps(),
              ElementsAre(Step{At(0), 0, 32}));
  book.limits[{"vcpu", ""}] = 0;
  EXPECT_THAT(BookCapacity(book).Series({"vcpu", ""}, At(0)).steps(),
              ElementsAre(Step{At(0), 0, 0}));
}

TEST(BookTest, AUserIsShownTheirOwnLimitElseThatOfEachUserElseTheProjects) {
  Book book = NewBook({});
  EXPECT_EQ(BookCapacity(book).Series({"vcpu", "ann"}, At(0)).steps()[0].limit, 32);
  book.limits[{"vcpu", "-"}] = 4;
  EXPECT_EQ(BookCapacity(book).Series({"vcpu", "ann"}, At(0)).steps()[0].limit, 4);
  book.limits[{"vcpu", "ann"}] = 9;
  EXPECT_EQ(BookCapacity(book).Series({"vcpu", "ann"}, At(0)).steps()[0].limit, 9);
  EXPECT_EQ(BookCapacity(book).Series({"vcpu", "bob"}, At(0)).steps()[0].limit, 4);
}

TEST(BookTest, AGrantAddsToItsOwnLevelAlone) {
  Book book = NewBook({});
  book.limits[{"vcpu", "-"}] = 4;
  book.grants.push_back({{"vcpu", "ann"}, {{At(10), At(20)}, 3}});
  const BookCapacity capacity(book);
  EXPECT_THAT(capacity.Series({"vcpu", "ann"}, At(0)).steps(),
              ElementsAre(Step{At(0), 0, 4}, Step{At(10), 0, 7}, Step{At(20), 0, 4}));
  EXPECT_THAT(capacity.Series({"vcpu", "bob"}, At(0)).steps(), ElementsAre(Step{At(0), 0, 4}));
  EXPECT_THAT(capacity.Series({"vcpu", ""}, At(0)).steps(), ElementsAre(Step{At(0), 0, 32}));
}

TEST(BookTest, WhileBothAreHeldTheGreaterOneCounts) {
  // An update to more, over a longer window that begins earlier.
  const BookCapacity more(
      NewBook({Held("old", kCommitted, 4, 10, 30), Held("new", kPending, 6, 5, 40, "", "old")}));
  EXPECT_THAT(more.Series({"vcpu", ""}, At(0)).steps(),
              ElementsAre(Step{At(0), 0, 32}, Step{At(5), 6, 32}, Step{At(40), 0, 32}));
  // An update to less counts for nothing until it is committed.
  const BookCapacity less(
      NewBook({Held("old", kCommitted, 4, 10, 30), Held("new", kPending, 1, 10, 30, "", "old")}));
  EXPECT_THAT(less.Series({"vcpu", ""}, At(0)).steps(),
              ElementsAre(Step{At(0), 0, 32}, Step{At(10), 4, 32}, Step{At(30), 0, 32}));
}

TEST(BookTest, AnUpdateBySomebodyElseCountsInFullAgainstThem) {
  Book book = NewBook(
      {Held("old", kCommitted, 4, 0, 30, "ann"), Held("new", kPending, 6, 0, 30, "bob", "old")});
  book.limits[{"vcpu", "-"}] = 8;
  const BookCapacity capacity(book);
  EXPECT_EQ(capacity.At({"vcpu", "ann"}, At(1)).committed, 4);
  EXPECT_EQ(capacity.At({"vcpu", "bob"}, At(1)).pending, 6);
  EXPECT_EQ(capacity.At({"vcpu", ""}, At(1)).pending, 2);
}

TEST(BookTest, UsageIsOverCommittedOnlyBeyondTheLimit) {
  Book book = NewBook({Held("a", kCommitted, 4, 0, 30), Held("b", kPending, 3, 0, 30)});
  book.limits[{"vcpu", ""}] = 7;
  EXPECT_FALSE(BookCapacity(book).At({"vcpu", ""}, At(0)).over_committed());
  book.limits[{"vcpu", ""}] = 6;
  EXPECT_TRUE(BookCapacity(book).At({"vcpu", ""}, At(0)).over_committed());
  EXPECT_FALSE(BookCapacity(book).At({"vcpu", ""}, At(30)).over_committed());
}

}  // namespace
}  // namespace stackyard::quota
