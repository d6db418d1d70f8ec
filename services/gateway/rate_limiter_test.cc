#include "services/gateway/rate_limiter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "absl/strings/str_cat.h"

namespace stackyard::gateway {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

bool Admits(RateLimiter& limiter, const std::string& key, absl::Time now, double cost = 1) {
  return limiter.Take(key, cost, now).wait == absl::ZeroDuration();
}

TEST(RateLimiterTest, ABurstThenTheRate) {
  RateLimiter limiter(10, 5);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(Admits(limiter, "a", kNow));
  const auto refused = limiter.Take("a", 1, kNow);
  EXPECT_EQ(refused.wait, absl::Milliseconds(100));
  EXPECT_TRUE(Admits(limiter, "b", kNow)) << "everybody has their own";
  EXPECT_FALSE(Admits(limiter, "a", kNow + absl::Milliseconds(99)));
  EXPECT_TRUE(Admits(limiter, "a", kNow + absl::Milliseconds(100)));
  // After a long pause no more than a burst.
  int admitted = 0;
  for (int i = 0; i < 100; ++i) admitted += Admits(limiter, "a", kNow + absl::Hours(1));
  EXPECT_EQ(admitted, 5);
}

TEST(RateLimiterTest, NoRateNoLimit) {
  RateLimiter limiter(0, 0);
  for (int i = 0; i < 10'000; ++i) EXPECT_TRUE(Admits(limiter, "a", kNow));
  EXPECT_EQ(limiter.size(), 0u);
}

TEST(RateLimiterTest, TheFirstRefusalIsNewsOnceInARow) {
  RateLimiter limiter(10, 10);
  EXPECT_FALSE(limiter.Take("a", 10, kNow).first);
  EXPECT_TRUE(limiter.Take("a", 1, kNow).first);
  EXPECT_FALSE(limiter.Take("a", 1, kNow).first);
  // Who is let through now and then is still in the same row.
  EXPECT_TRUE(Admits(limiter, "a", kNow + absl::Milliseconds(100)));
  EXPECT_FALSE(limiter.Take("a", 1, kNow + absl::Milliseconds(100)).first);
  EXPECT_TRUE(Admits(limiter, "a", kNow + absl::Seconds(1)));
  EXPECT_TRUE(limiter.Take("a", 100, kNow + absl::Seconds(1)).first);
}

TEST(RateLimiterTest, ChargesMakeDebts) {
  RateLimiter limiter(10, 20);
  for (int i = 0; i < 3; ++i) limiter.Charge("a", 9, kNow);
  const auto refused = limiter.Take("a", 1, kNow);
  EXPECT_EQ(refused.wait, absl::Milliseconds(800));
  // As much as a burst may be owed and no more.
  for (int i = 0; i < 1000; ++i) limiter.Charge("a", 9, kNow);
  EXPECT_EQ(limiter.Take("a", 1, kNow).wait, absl::Milliseconds(2100));
}

TEST(RateLimiterTest, AClockThatGoesBackTakesNothing) {
  RateLimiter limiter(10, 2);
  EXPECT_TRUE(Admits(limiter, "a", kNow));
  EXPECT_TRUE(Admits(limiter, "a", kNow - absl::Hours(1)));
  EXPECT_FALSE(Admits(limiter, "a", kNow - absl::Hours(1)));
  EXPECT_TRUE(Admits(limiter, "a", kNow - absl::Hours(1) + absl::Milliseconds(100)));
}

TEST(RateLimiterTest, RemembersABoundedNumber) {
  RateLimiter limiter(1, 10, 1024);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(Admits(limiter, "busy", kNow));
  absl::Time now = kNow;
  for (int i = 0; i < 20'000; ++i) {
    // The busy one goes on, so that it is not among the oldest.
    if (i % 20 == 0) {
      EXPECT_FALSE(Admits(limiter, "busy", now));
    }
    Admits(limiter, absl::StrCat("new-", i), now);
    now += absl::Microseconds(10);
  }
  EXPECT_LE(limiter.size(), 1024u);
}

// A slow one that keeps every call.
TEST(RateLimiterTest, AgreesWithASlowOne) {
  constexpr double kRate = 7, kBurst = 13;
  std::mt19937 random(17);
  for (int round = 0; round < 50; ++round) {
    RateLimiter limiter(kRate, kBurst);
    struct Taken {
      double at = 0;
      double cost = 0;
    };
    std::vector<Taken> taken;
    double at = 0;
    for (int step = 0; step < 200; ++step) {
      at += static_cast<double>(random() % 64) / 64;
      const double cost = 1 + static_cast<double>(random() % 4);
      // What is held: full at first, and played through once more each time.
      double held = kBurst, last = 0;
      for (const Taken& one : taken) {
        held = std::min(kBurst, held + (one.at - last) * kRate) - one.cost;
        last = one.at;
      }
      held = std::min(kBurst, held + (at - last) * kRate);
      const bool expected = held >= cost - 1e-9;
      // Where rounding decides neither is wrong.
      if (std::abs(held - cost) < 1e-6) continue;
      ASSERT_EQ(Admits(limiter, "a", kNow + absl::Seconds(at), cost), expected)
          << "round " << round << " step " << step;
      if (expected) taken.push_back({at, cost});
    }
  }
}

}  // namespace
}  // namespace stackyard::gateway
