#include "common/metrics.h"

#include <gtest/gtest.h>
#include <prometheus/counter.h>

#include "common/build_info.h"
#include "common/http_get.h"
#include "common/test_metrics.h"
#include "common/version.h"

namespace stackyard {
namespace {

TEST(MetricsTest, NothingIsServedUnlessAskedFor) {
  const auto metrics = Metrics::Open("", "test");
  ASSERT_TRUE(metrics.ok()) << metrics.status();
  EXPECT_FALSE((*metrics)->served());
  EXPECT_EQ(MetricValue((*metrics)->registry(), "stackyard_build_info"), -1);
}

TEST(MetricsTest, TellsWhichProgramItIs) {
  const auto metrics = Metrics::Open("127.0.0.1:0", "test");
  ASSERT_TRUE(metrics.ok()) << metrics.status();
  EXPECT_TRUE((*metrics)->served());
  EXPECT_EQ(MetricValue((*metrics)->registry(), "stackyard_build_info",
                        {{"service", "test"},
                         {"version", std::string(kVersion)},
                         {"commit", std::string(BuildCommit())}}),
            1);
}

TEST(MetricsTest, AnAddressThatCannotBeUsedIsOneClearError) {
  const auto metrics = Metrics::Open("203.0.113.1:9090", "test");
  EXPECT_EQ(metrics.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(metrics.status().message().find("--metrics-listen=203.0.113.1:9090"),
            absl::string_view::npos)
      << metrics.status();
}

}  // namespace
}  // namespace stackyard
