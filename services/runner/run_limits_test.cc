#include "services/runner/run_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/proto_time.h"

namespace stackyard::runner {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(RunLimitsTest, TheTemplateSaysAndTheFlagsFillIn) {
  LimitOptions options;
  options.usual = {.memory_bytes = 1 << 30, .cpu_millis = 2000, .processes = 500};
  const RunAllowance usual = Allow(v1::RunLimits(), options);
  EXPECT_EQ(usual.limits.memory_bytes, 1 << 30);
  EXPECT_EQ(usual.limits.cpu_millis, 2000);
  EXPECT_EQ(usual.limits.processes, 500);
  EXPECT_EQ(usual.TimeoutOf("plan"), absl::Hours(1));
  EXPECT_EQ(usual.TimeoutOf("apply"), absl::Hours(2));
  EXPECT_EQ(usual.TimeoutOf("prepare"), absl::InfiniteDuration());

  v1::RunLimits asked;
  asked.set_memory_mib(128);
  asked.set_processes(64);
  *asked.mutable_plan_timeout() = ToProto(absl::Minutes(10));
  const RunAllowance given = Allow(asked, options);
  EXPECT_EQ(given.limits.memory_bytes, 128 << 20);
  EXPECT_EQ(given.limits.cpu_millis, 2000);
  EXPECT_EQ(given.limits.processes, 64);
  EXPECT_EQ(given.TimeoutOf("plan"), absl::Minutes(10));
  EXPECT_EQ(given.TimeoutOf("destroy"), absl::Hours(2));
  EXPECT_THAT(given.notices, IsEmpty());
}

TEST(RunLimitsTest, NobodyGetsMoreThanTheMost) {
  LimitOptions options;
  options.usual = {};
  options.most = {.memory_bytes = 256 << 20, .cpu_millis = 500, .processes = 100};
  v1::RunLimits asked;
  asked.set_memory_mib(4096);
  asked.set_cpu_millis(400);
  const RunAllowance given = Allow(asked, options);
  EXPECT_EQ(given.limits.memory_bytes, 256 << 20);
  EXPECT_EQ(given.limits.cpu_millis, 400);
  EXPECT_EQ(given.limits.processes, 100) << "no bound is more than any";
  EXPECT_THAT(given.notices, ElementsAre(HasSubstr("asks for 4096 MiB of memory; this runner "
                                                   "gives at most 256.")));
}

TEST(RunLimitsTest, HeapsShareTheMemory) {
  EXPECT_EQ(GoMemoryLimit({.memory_bytes = 1000 << 20}, "1GiB"), "400MiB");
  EXPECT_EQ(GoMemoryLimit({.memory_bytes = int64_t{8} << 30}, "1GiB"), "1GiB");
  EXPECT_EQ(GoMemoryLimit({}, "1GiB"), "1GiB");
}

TEST(RunLimitsTest, ReadsSizesAndProcessors) {
  EXPECT_EQ(*ParseSize(""), 0);
  EXPECT_EQ(*ParseSize("100B"), 100);
  EXPECT_EQ(*ParseSize("3KiB"), 3072);
  EXPECT_EQ(*ParseSize("2GiB"), int64_t{2} << 30);
  for (const char* bad : {"2GB", "-1B", "lots", "999999999999TiB", "1.5GiB"}) {
    EXPECT_FALSE(ParseSize(bad).ok()) << bad;
  }
  EXPECT_EQ(*ParseCpus(""), 0);
  EXPECT_EQ(*ParseCpus("1.5"), 1500);
  for (const char* bad : {"0", "-1", "many", "nan", "1001"})
    EXPECT_FALSE(ParseCpus(bad).ok()) << bad;
}

}  // namespace
}  // namespace stackyard::runner
