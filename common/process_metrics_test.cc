#include "common/process_metrics.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <ctime>
#include <vector>

#include "common/test_metrics.h"
#include "common/work.h"

namespace stackyard {
namespace {

double Now(const std::string& name) { return MetricValue(ProcessMetrics(), name); }

TEST(ProcessMetricsTest, ReadsTheKernelsLineWhateverTheProgramIsCalled) {
  const auto stat = ParseProcessStat(
      "42 (a) b (c)) S 1 42 42 0 -1 4194560 5 0 0 0 130 20 0 0 20 0 7 0 12345 1048576 256 0");
  ASSERT_TRUE(stat.ok()) << stat.status();
  EXPECT_EQ(stat->cpu_ticks, 150);
  EXPECT_EQ(stat->threads, 7);
  EXPECT_EQ(stat->start_ticks, 12345);
  EXPECT_EQ(stat->virtual_bytes, 1048576);
  EXPECT_EQ(stat->resident_pages, 256);
  EXPECT_FALSE(ParseProcessStat("").ok());
  EXPECT_FALSE(ParseProcessStat("42 (a) S 1 2 3").ok());
}

TEST(ProcessMetricsTest, CountsOpenFiles) {
  const double before = Now("process_open_fds");
  const int one = open("/dev/null", O_RDONLY), two = open("/dev/null", O_RDONLY);
  EXPECT_EQ(Now("process_open_fds"), before + 2);
  close(one);
  close(two);
  EXPECT_EQ(Now("process_open_fds"), before);
  EXPECT_GE(Now("process_max_fds"), before);
}

TEST(ProcessMetricsTest, CountsThreads) {
  const double before = Now("process_threads");
  Notifier leave;
  {
    const Task thread("waiter", [&] { leave.Wait(0, absl::Seconds(30)); });
    EXPECT_EQ(Now("process_threads"), before + 1);
    leave.Notify();
  }
}

TEST(ProcessMetricsTest, CountsTheMemoryThatIsTouched) {
  const double before = Now("process_resident_memory_bytes");
  const std::vector<char> memory(64 << 20, 'x');
  EXPECT_EQ(memory.back(), 'x');
  EXPECT_GT(Now("process_resident_memory_bytes"), before + (60 << 20));
  EXPECT_GT(Now("process_virtual_memory_bytes"), Now("process_resident_memory_bytes"));
}

TEST(ProcessMetricsTest, CountsCpuInSecondsSinceTheProcessBegan) {
  // As the C library tells it; the kernel counts in hundredths.
  const double before = static_cast<double>(clock()) / CLOCKS_PER_SEC;
  const double told = Now("process_cpu_seconds_total");
  EXPECT_NEAR(told, before, 0.5);
  const double began = Now("process_start_time_seconds");
  const auto now = static_cast<double>(time(nullptr));
  EXPECT_LE(began, now + 2);
  EXPECT_GT(began, now - 600);
}

}  // namespace
}  // namespace stackyard
