#include "services/quota/admission.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace stackyard::quota {
namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

absl::Time At(int minutes) { return absl::UnixEpoch() + absl::Minutes(minutes); }
Window Minutes(int from, int to) { return {At(from), At(to)}; }

CapacityTree Others(const std::vector<Span>& grants, const std::vector<Span>& holds) {
  CapacityTree tree;
  for (const Span& grant : grants) tree.AddGrant(grant);
  for (const Span& hold : holds) tree.AddHold(hold);
  return tree;
}

TEST(CheckTest, SumsBeyondTheRangeAreExactAndShownAsItsGreatestValue) {
  const CapacityTree others =
      Others({{Minutes(0, 5), kMost}},
             {{Minutes(0, 5), kMost}, {Minutes(0, 9), kMost}, {Minutes(0, 9), 1}});
  const auto shortage = Check(others, kMost, {Minutes(0, 1), 1, std::nullopt});
  ASSERT_TRUE(shortage);
  EXPECT_EQ(shortage->used, kMost);
  EXPECT_EQ(shortage->limit, kMost);
  EXPECT_FALSE(Check(others, kMost, {Minutes(9, 10), kMost, std::nullopt}));
}

TEST(CheckTest, AWindowMayTouchButNotOverlapWhatIsFull) {
  const CapacityTree others = Others({}, {{Minutes(10, 20), 10}});
  EXPECT_FALSE(Check(others, 10, {Minutes(0, 10), 10, std::nullopt}));
  EXPECT_FALSE(Check(others, 10, {Minutes(20, 30), 10, std::nullopt}));
  const auto shortage = Check(others, 10, {Minutes(0, 11), 1, std::nullopt});
  ASSERT_TRUE(shortage);
  EXPECT_EQ(shortage->at, At(10));
  EXPECT_EQ(shortage->used, 10);
  EXPECT_EQ(shortage->limit, 10);
  EXPECT_EQ(shortage->fits_from, At(20));
}

TEST(CheckTest, TellsTheTightestInstantAndTheFirstGapThatIsLongEnough) {
  const CapacityTree others =
      Others({}, {{Minutes(0, 10), 6}, {Minutes(5, 8), 3}, {Minutes(15, 20), 6}});
  const auto shortage = Check(others, 10, {Minutes(2, 9), 5, std::nullopt});
  ASSERT_TRUE(shortage);
  EXPECT_EQ(shortage->at, At(5));
  EXPECT_EQ(shortage->used, 9);
  EXPECT_EQ(shortage->fits_from, At(20)) << "the gap from 10 to 15 is too short for 7 minutes";
}

TEST(CheckTest, AGrantThatEndsWithinTheWindowDoesNotHelp) {
  const CapacityTree others = Others({{Minutes(0, 10), 5}}, {});
  EXPECT_FALSE(Check(others, 1, {Minutes(0, 10), 6, std::nullopt}));
  const auto shortage = Check(others, 1, {Minutes(0, 11), 6, std::nullopt});
  ASSERT_TRUE(shortage);
  EXPECT_EQ(shortage->at, At(10));
  EXPECT_FALSE(shortage->fits_from) << "it never fits";
}

TEST(CheckTest, NoMoreThanWhatIsReplacedIsGrantedWithinItsWindowWhateverTheLimit) {
  const CapacityTree others = Others({}, {{Minutes(0, 100), 5}});
  EXPECT_FALSE(Check(others, 1, {Minutes(0, 10), 4, Span{Minutes(0, 10), 4}}));
  EXPECT_TRUE(Check(others, 1, {Minutes(0, 10), 5, Span{Minutes(0, 10), 4}}));
  EXPECT_TRUE(Check(others, 1, {Minutes(0, 11), 4, Span{Minutes(0, 10), 4}}));
}

// The same by trying every minute.
std::optional<Shortage> Slow(int64_t limit, const std::vector<Span>& grants,
                             const std::vector<Span>& holds, const Ask& ask) {
  constexpr int kHorizon = 200;  // Nothing changes after it.
  const auto sum = [](const std::vector<Span>& spans, absl::Time time) {
    int64_t total = 0;
    for (const Span& span : spans) total += span.window.Contains(time) ? span.amount : 0;
    return total;
  };
  const auto excess = [&](absl::Time time) -> int64_t {
    const bool free =
        ask.replaces && ask.replaces->window.Contains(time) && ask.replaces->amount >= ask.amount;
    if (free || ask.amount == 0) return 0;
    return sum(holds, time) + ask.amount - limit - sum(grants, time);
  };
  const auto fits = [&](absl::Time start) {
    for (absl::Time t = start; t < start + ask.window.length(); t += absl::Minutes(1)) {
      if (excess(t) > 0) return false;
    }
    return true;
  };
  if (fits(ask.window.start)) return std::nullopt;
  Shortage shortage;
  int64_t worst = 0;
  for (absl::Time t = ask.window.start; t < ask.window.end; t += absl::Minutes(1)) {
    if (excess(t) <= worst) continue;
    worst = excess(t);
    shortage.at = t;
    shortage.used = sum(holds, t);
    shortage.limit = limit + sum(grants, t);
  }
  for (absl::Time t = ask.window.start; t <= At(kHorizon); t += absl::Minutes(1)) {
    if (!fits(t)) continue;
    shortage.fits_from = t;
    break;
  }
  return shortage;
}

TEST(CheckTest, AgreesWithTryingEveryMinute) {
  std::mt19937 random(20240229);
  const auto upto = [&](int most) { return std::uniform_int_distribution<int>(0, most)(random); };
  const auto span = [&](int most) {
    const int from = upto(60) - 10;
    return Span{Minutes(from, from + 1 + upto(40)), upto(most)};
  };
  int refused = 0, later = 0;
  for (int round = 0; round < 4000; ++round) {
    const int64_t limit = upto(12);
    std::vector<Span> grants, holds;
    for (int i = upto(3); i > 0; --i) grants.push_back(span(6));
    for (int i = upto(6); i > 0; --i) holds.push_back(span(5));
    const int from = upto(50);
    Ask ask{Minutes(from, from + 1 + upto(40)), upto(8), std::nullopt};
    if (upto(1) == 0) ask.replaces = span(8);
    const auto want = Slow(limit, grants, holds, ask);
    CapacityTree others = Others(grants, holds);
    others.Forget(At(upto(from)));
    const auto have = Check(others, limit, ask);
    ASSERT_EQ(have.has_value(), want.has_value()) << "round " << round;
    if (!want) continue;
    ++refused;
    later += want->fits_from.has_value();
    EXPECT_EQ(have->at, want->at) << "round " << round;
    EXPECT_EQ(have->used, want->used) << "round " << round;
    EXPECT_EQ(have->limit, want->limit) << "round " << round;
    EXPECT_EQ(have->fits_from, want->fits_from) << "round " << round;
  }
  // The rounds are worth something only when all outcomes are among them.
  EXPECT_GT(refused, 500);
  EXPECT_LT(refused, 3500);
  EXPECT_GT(later, 200);
  EXPECT_LT(later, refused);
}

}  // namespace
}  // namespace stackyard::quota
