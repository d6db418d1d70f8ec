#include "services/runner/available_memory.h"

#include <re2/re2.h>

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "services/runner/file.h"

namespace stackyard::runner {
namespace {

constexpr size_t kMaxFile = 1 << 20;
constexpr int64_t kUnknown = INT64_MAX;

int64_t OfMachine(const std::string& root) {
  static const RE2 kAvailable(R"(MemAvailable:\s+(\d+) kB)");
  const auto file = ReadFile(root + "/proc/meminfo", kMaxFile);
  int64_t kib = 0;
  if (!file.ok() || !RE2::PartialMatch(*file, kAvailable, &kib)) return kUnknown;
  return kib * 1024;
}

// A file with one number; `max` is none.
int64_t Number(const std::string& path) {
  const auto file = ReadFile(path, kMaxFile);
  int64_t value = 0;
  return file.ok() && absl::SimpleAtoi(*file, &value) ? value : kUnknown;
}

// In a container its group is the root of what it sees; elsewhere the root has no limit.
int64_t OfGroup(const std::string& limit_file, const std::string& usage_file) {
  const int64_t limit = Number(limit_file);
  const int64_t usage = Number(usage_file);
  if (limit == kUnknown || usage == kUnknown) return kUnknown;
  return std::max<int64_t>(limit - usage, 0);
}

}  // namespace

int64_t AvailableMemory(const std::string& root) {
  const std::string groups = root + "/sys/fs/cgroup";
  return std::min({OfMachine(root), OfGroup(groups + "/memory.max", groups + "/memory.current"),
                   OfGroup(groups + "/memory/memory.limit_in_bytes",
                           groups + "/memory/memory.usage_in_bytes")});
}

}  // namespace stackyard::runner
