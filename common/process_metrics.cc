#include "common/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace stackyard {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

std::string ReadText(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// When the machine started, in seconds since 1970.
std::optional<double> BootTime() {
  static const std::optional<double> kTime = []() -> std::optional<double> {
    for (const absl::string_view line : absl::StrSplit(ReadText("/proc/stat"), '\n')) {
      double time = 0;
      if (absl::StartsWith(line, "btime ") && absl::SimpleAtod(line.substr(6), &time)) return time;
    }
    return std::nullopt;
  }();
  return kTime;
}

std::optional<double> OpenFds() {
  std::error_code error;
  const std::filesystem::directory_iterator folder("/proc/self/fd", error);
  if (error) return std::nullopt;
  // One of them is of this look.
  return static_cast<double>(std::distance(begin(folder), end(folder)) - 1);
}

std::optional<double> MostFds() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::nullopt;
  return static_cast<double>(limit.rlim_cur);
}

void Add(std::vector<MetricFamily>& families, const char* name, const char* help, MetricType type,
         std::optional<double> value) {
  if (!value) return;
  MetricFamily& family = families.emplace_back();
  family.name = name;
  family.help = help;
  family.type = type;
  prometheus::ClientMetric& metric = family.metric.emplace_back();
  (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = *value;
}

}  // namespace

absl::StatusOr<ProcessStat> ParseProcessStat(std::string_view text) {
  // The program's name stands in brackets and may hold anything, brackets as well.
  const size_t bracket = text.rfind(") ");
  if (bracket == std::string_view::npos) return absl::InvalidArgumentError("no process's stat");
  const std::vector<std::string> fields =
      absl::StrSplit(absl::string_view(text.data() + bracket + 2, text.size() - bracket - 2), ' ');
  // proc(5) counts from 1, with two fields before these.
  const auto read = [&fields](size_t number, double& value) {
    return number - 3 < fields.size() && absl::SimpleAtod(fields[number - 3], &value);
  };
  ProcessStat stat;
  double user = 0, system = 0;
  if (!read(14, user) || !read(15, system) || !read(20, stat.threads) ||
      !read(22, stat.start_ticks) || !read(23, stat.virtual_bytes) ||
      !read(24, stat.resident_pages)) {
    return absl::InvalidArgumentError("no process's stat");
  }
  stat.cpu_ticks = user + system;
  return stat;
}

std::vector<MetricFamily> ProcessMetrics::Collect() const {
  std::vector<MetricFamily> families;
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  if (const auto stat = ParseProcessStat(ReadText("/proc/self/stat")); stat.ok()) {
    Add(families, "process_cpu_seconds_total", "CPU time, of user and system", MetricType::Counter,
        stat->cpu_ticks / ticks);
    Add(families, "process_resident_memory_bytes", "Memory that is in RAM", MetricType::Gauge,
        stat->resident_pages * static_cast<double>(sysconf(_SC_PAGESIZE)));
    Add(families, "process_virtual_memory_bytes", "Memory that is mapped", MetricType::Gauge,
        stat->virtual_bytes);
    Add(families, "process_threads", "Threads", MetricType::Gauge, stat->threads);
    if (const auto boot = BootTime()) {
      Add(families, "process_start_time_seconds", "When the process began, since 1970",
          MetricType::Gauge, *boot + stat->start_ticks / ticks);
    }
  }
  Add(families, "process_open_fds", "Open file descriptors", MetricType::Gauge, OpenFds());
  Add(families, "process_max_fds", "File descriptors that may be open", MetricType::Gauge,
      MostFds());
  return families;
}

}  // namespace stackyard
