#include "services/stacks/run_limits_spec.h"

#include <re2/re2.h>

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/proto_time.h"

namespace stackyard::stacks {
namespace {

constexpr int64_t kLeastMemory = 64;
constexpr int64_t kMostMemory = int64_t{1} << 20;
constexpr double kLeastCpus = 0.1;
constexpr double kMostCpus = 1000;
constexpr absl::Duration kLongest = absl::Hours(24);

google::protobuf::Duration ReadTimeout(YamlReader& yaml, const YAML::Node& node,
                                       const std::string& where) {
  const absl::Duration timeout = yaml.ReadDuration(node, where);
  if (timeout < absl::Seconds(1) || timeout > kLongest) {
    yaml.Fault(node, absl::StrCat(where, " must be from 1s to 24h"));
  }
  return ToProto(timeout);
}

int64_t ReadMemory(YamlReader& yaml, const YAML::Node& node) {
  static const RE2 kSize("([0-9]{1,9})([MG])iB");
  int64_t size = 0;
  std::string unit;
  if (RE2::FullMatch(yaml.ReadString(node, "limits.memory", 20), kSize, &size, &unit)) {
    if (unit == "G") size *= 1024;
    if (size >= kLeastMemory && size <= kMostMemory) return size;
  }
  yaml.Fault(node, "limits.memory must be a size from 64MiB to 1024GiB");
  return 0;
}

}  // namespace

void ReadRunLimits(YamlReader& yaml, const YAML::Node& node, v1::RunLimits& limits) {
  yaml.ReadMap(
      node, "limits",
      {{"plan_timeout",
        [&](const YAML::Node& n) {
          *limits.mutable_plan_timeout() = ReadTimeout(yaml, n, "limits.plan_timeout");
        }},
       {"apply_timeout",
        [&](const YAML::Node& n) {
          *limits.mutable_apply_timeout() = ReadTimeout(yaml, n, "limits.apply_timeout");
        }},
       {"memory", [&](const YAML::Node& n) { limits.set_memory_mib(ReadMemory(yaml, n)); }},
       {"cpus",
        [&](const YAML::Node& n) {
          const double cpus = yaml.ReadNumber(n, "limits.cpus");
          if (cpus < kLeastCpus || cpus > kMostCpus) {
            return yaml.Fault(n, "limits.cpus must be from 0.1 to 1000");
          }
          limits.set_cpu_millis(static_cast<int>(std::lround(cpus * 1000)));
        }},
       {"processes", [&](const YAML::Node& n) {
          limits.set_processes(
              static_cast<int>(yaml.ReadInteger(n, "limits.processes", 32, 1'000'000)));
        }}});
}

}  // namespace stackyard::stacks
