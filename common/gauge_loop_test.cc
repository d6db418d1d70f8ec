#include "common/gauge_loop.h"

#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "common/test_metrics.h"

namespace stackyard {
namespace {

constexpr char kReadTime[] = "stackyard_gauges_read_time_seconds";

TEST(GaugeLoopTest, ReplicasDoNotComeAllAtOnce) {
  EXPECT_EQ(PauseAfter(absl::Seconds(20), absl::ZeroDuration(), -0.1), absl::Seconds(18));
  EXPECT_EQ(PauseAfter(absl::Seconds(20), absl::ZeroDuration(), 0.1), absl::Seconds(22));
}

TEST(GaugeLoopTest, ReadingTakesAHundredthOfTheTimeAtMost) {
  EXPECT_EQ(PauseAfter(absl::Seconds(20), absl::Milliseconds(100), 0), absl::Seconds(20));
  EXPECT_EQ(PauseAfter(absl::Seconds(20), absl::Seconds(3), 0), absl::Seconds(300));
}

TEST(GaugeLoopTest, ReadsAtOnceAndTellsWhen) {
  prometheus::Registry registry;
  Notifier read;
  const absl::Time before = absl::Now();
  {
    const GaugeLoop loop(
        absl::Hours(1),
        [&] {
          read.Notify();
          return absl::OkStatus();
        },
        registry);
    EXPECT_EQ(read.Wait(0, absl::Seconds(30)), 1);
    // The end waits for the read that goes on.
  }
  const double told = MetricValue(registry, kReadTime);
  EXPECT_GE(told, absl::ToDoubleSeconds(before - absl::UnixEpoch()));
  EXPECT_LE(told, absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch()));
}

TEST(GaugeLoopTest, AFailureIsToldByTheTimeThatStands) {
  prometheus::Registry registry;
  Notifier read;
  {
    const GaugeLoop loop(
        absl::Hours(1),
        [&] {
          read.Notify();
          return absl::UnavailableError("no database");
        },
        registry);
    EXPECT_EQ(read.Wait(0, absl::Seconds(30)), 1);
  }
  EXPECT_EQ(MetricValue(registry, kReadTime), 0);
}

TEST(GaugeLoopTest, AnIntervalThatMakesNoSenseIsRefused) {
  EXPECT_TRUE(CheckMetricsInterval(absl::Seconds(1)).ok());
  EXPECT_FALSE(CheckMetricsInterval(absl::Milliseconds(999)).ok());
  EXPECT_FALSE(CheckMetricsInterval(absl::Hours(2)).ok());
}

}  // namespace
}  // namespace stackyard
