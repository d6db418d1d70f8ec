#include "services/quota/capacity_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace stackyard::quota {
namespace {

absl::Time At(int minutes) { return absl::UnixEpoch() + absl::Minutes(minutes); }
Window Minutes(int from, int to) { return {At(from), At(to)}; }

TEST(CapacityTreeTest, AddsUpWhatIsHeldAndGranted) {
  CapacityTree tree;
  tree.AddHold({Minutes(5, 15), 3});
  tree.AddHold({Minutes(10, 20), 4});
  tree.AddGrant({Minutes(12, 14), 2});
  EXPECT_EQ(tree.At(At(4)).used, 0);
  EXPECT_EQ(tree.At(At(5)).used, 3);
  EXPECT_EQ(tree.At(At(13)).used, 7);
  EXPECT_EQ(tree.At(At(13)).taken(), 5);
  EXPECT_EQ(tree.At(At(20)).used, 0);
  EXPECT_EQ(tree.MostTaken(Minutes(0, 30)), 7);
  EXPECT_EQ(tree.MostTaken(Minutes(12, 14)), 5);
  EXPECT_EQ(tree.FirstAbove(At(0), 6), At(10));
  EXPECT_EQ(tree.FirstAbove(At(12), 6), At(14));
  EXPECT_EQ(tree.FirstAbove(At(0), 7), std::nullopt);
  EXPECT_EQ(tree.FirstWithin(At(10), 0), At(20));
}

TEST(CapacityTreeTest, WhatIsTakenAwayLeavesNothingBehind) {
  CapacityTree tree;
  for (int i = 0; i < 100; ++i) tree.AddHold({Minutes(i, 2 * i), i});
  for (int i = 0; i < 100; ++i) tree.AddHold({Minutes(i, 2 * i), -i});
  EXPECT_EQ(tree.size(), 0);
  EXPECT_EQ(tree.MostTaken(Minutes(0, 300)), 0);
}

TEST(CapacityTreeTest, ForgetsThePastAndKeepsWhatItAddsUpTo) {
  CapacityTree tree;
  tree.AddHold({Minutes(0, 10), 3});
  tree.AddHold({Minutes(0, 30), 4});
  tree.Forget(At(10));
  EXPECT_EQ(tree.size(), 1) << "only the end of the second lies ahead";
  EXPECT_EQ(tree.At(At(10)).used, 4);
  // What began in the past is added and taken away as before.
  tree.AddHold({Minutes(5, 20), 1});
  EXPECT_EQ(tree.At(At(15)).used, 5);
  tree.AddHold({Minutes(0, 10), -3});
  EXPECT_EQ(tree.At(At(15)).used, 5) << "it was over, and leaves nothing";
  tree.Forget(At(5));
  EXPECT_EQ(tree.At(At(15)).used, 5) << "time does not go back";
  tree.Forget(At(40));
  EXPECT_EQ(tree.size(), 0);
  EXPECT_EQ(tree.At(At(40)).used, 0);
}

// By instants, with everything looked at.
struct Slow {
  std::vector<Span> holds, grants;

  int64_t Taken(int minute) const {
    int64_t sum = 0;
    for (const Span& span : holds) sum += span.window.Contains(At(minute)) ? span.amount : 0;
    for (const Span& span : grants) sum -= span.window.Contains(At(minute)) ? span.amount : 0;
    return sum;
  }
};

TEST(CapacityTreeTest, AgreesWithLookingAtEveryInstant) {
  constexpr int kEnd = 90;
  std::mt19937 random(11);
  const auto upto = [&](int most) { return std::uniform_int_distribution<int>(0, most)(random); };
  for (int round = 0; round < 300; ++round) {
    Slow slow;
    CapacityTree tree;
    int now = 0;
    for (int step = 0; step < 40; ++step) {
      std::vector<Span>& spans = upto(3) == 0 ? slow.grants : slow.holds;
      const bool grant = &spans == &slow.grants;
      const auto add = [&](Span span) { grant ? tree.AddGrant(span) : tree.AddHold(span); };
      if (!spans.empty() && upto(2) == 0) {
        std::swap(spans[upto(static_cast<int>(spans.size()) - 1)], spans.back());
        add({spans.back().window, -spans.back().amount});
        spans.pop_back();
      } else {
        const int from = upto(60);
        spans.push_back({Minutes(from, from + upto(20)), upto(5)});
        add(spans.back());
      }
      if (upto(5) == 0) {
        now += upto(4);
        tree.Forget(At(now));
      }
      const int from = now + upto(30), to = from + 1 + upto(30), bound = upto(12) - 4;
      int64_t most = slow.Taken(from);
      std::optional<absl::Time> above, within;
      for (int minute = from; minute < kEnd; ++minute) {
        if (minute < to) most = std::max(most, slow.Taken(minute));
        if (!above && slow.Taken(minute) > bound) above = At(minute);
        if (!within && slow.Taken(minute) <= bound) within = At(minute);
      }
      ASSERT_EQ(tree.At(At(from)).taken(), slow.Taken(from)) << round << " " << step;
      ASSERT_EQ(tree.MostTaken(Minutes(from, to)), most) << round << " " << step;
      ASSERT_EQ(tree.FirstAbove(At(from), bound), above) << round << " " << step;
      ASSERT_EQ(tree.FirstWithin(At(from), bound), within) << round << " " << step;
    }
    const CapacityTree made = CapacityTree::FromHolds(slow.holds, At(now));
    CapacityTree added;
    for (const Span& hold : slow.holds) added.AddHold(hold);
    added.Forget(At(now));
    ASSERT_EQ(made.size(), added.size());
    for (int minute = now; minute < kEnd; ++minute) {
      ASSERT_EQ(made.At(At(minute)).used, added.At(At(minute)).used);
      ASSERT_EQ(made.MostTaken(Minutes(now, minute + 1)),
                added.MostTaken(Minutes(now, minute + 1)));
    }
  }
}

TEST(CapacityTreeTest, StaysShallowWhateverTheOrder) {
  // A tree that degrades to a list would overflow the stack or take minutes.
  CapacityTree tree;
  constexpr int kMany = 200'000;
  for (int i = 0; i < kMany; ++i) tree.AddHold({Minutes(i, 2 * kMany + i), 1});
  EXPECT_EQ(tree.size(), 2 * kMany);
  EXPECT_EQ(tree.MostTaken(Minutes(0, 4 * kMany)), kMany);
  for (int i = kMany - 1; i >= 0; --i) tree.AddHold({Minutes(i, 2 * kMany + i), -1});
  EXPECT_EQ(tree.size(), 0);
}

}  // namespace
}  // namespace stackyard::quota
