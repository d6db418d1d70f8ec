#include "services/quota/change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stackyard::quota {
namespace {

absl::Time At(int minutes) { return absl::UnixEpoch() + absl::Minutes(minutes); }

TEST(ChangeTest, IsReadAsItWasWritten) {
  Change committed;
  committed.id = "s-1.2_3";
  committed.state = ReservationState::kCommitted;
  committed.holding = {"ann@example.org", {{At(1), At(2)}, 7}};
  committed.committed_before = 9;
  Change pending;
  pending.id = "p";
  pending.state = ReservationState::kPending;
  pending.holding = {"", {{At(-5), At(2)}, INT64_MAX}};
  pending.expire_time = At(3);
  Change update = pending;
  update.id = "u";
  update.supersedes = "s-1.2_3";
  update.old = committed.holding;
  std::string lines;
  for (const Change& change : {committed, pending, update}) AppendLine(change, lines);
  const auto read = ReadLines(lines);
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->limits);
  EXPECT_THAT(read->reservations, testing::ElementsAre(committed, pending, update));
}

TEST(ChangeTest, TellsOfLimits) {
  const auto read = ReadLines(kLimitsChanged);
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->limits);
  EXPECT_TRUE(read->reservations.empty());
}

TEST(ChangeTest, WhatIsNotUnderstoodIsNotGuessedAt) {
  std::string good;
  AppendLine({.id = "a", .holding = {"", {{At(1), At(2)}, 3}}}, good);
  ASSERT_TRUE(ReadLines(good));
  for (const std::string& bad :
       {std::string("a"), std::string("a 4 0 - 0 1 1"), std::string("a 3 x - 0 1 1"),
        good.substr(0, good.size() - 1) + " 5", std::string("a 1 0 - 0 1 1 9")}) {
    EXPECT_FALSE(ReadLines(bad)) << bad;
  }
}

}  // namespace
}  // namespace stackyard::quota
