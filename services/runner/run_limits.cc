#include "services/runner/run_limits.h"

#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/proto_time.h"

namespace stackyard::runner {
namespace {

constexpr int64_t kMiB = 1 << 20;
// Of a run's memory, in percent: Terraform and one large provider, and room for what is no heap.
constexpr int64_t kHeapShare = 40;

int64_t Settle(std::string_view what, int64_t asked, int64_t usual, int64_t most, int64_t unit,
               std::vector<std::string>& notices) {
  const int64_t wanted = asked > 0 ? asked : usual;
  if (most <= 0 || (wanted > 0 && wanted <= most)) return wanted;
  if (asked > 0) {
    notices.push_back(absl::StrCat("The template asks for ", asked / unit, " ", std::string(what),
                                   "; this runner gives at most ", most / unit, "."));
  }
  return most;
}

}  // namespace

RunAllowance Allow(const v1::RunLimits& asked, const LimitOptions& options) {
  RunAllowance allowance;
  const Limits& usual = options.usual;
  const Limits& most = options.most;
  allowance.limits.memory_bytes =
      Settle("MiB of memory", asked.memory_mib() * kMiB, usual.memory_bytes, most.memory_bytes,
             kMiB, allowance.notices);
  allowance.limits.cpu_millis = Settle("thousandths of a processor", asked.cpu_millis(),
                                       usual.cpu_millis, most.cpu_millis, 1, allowance.notices);
  allowance.limits.processes =
      Settle("processes", asked.processes(), usual.processes, most.processes, 1, allowance.notices);
  allowance.plan_timeout =
      asked.has_plan_timeout() ? FromProto(asked.plan_timeout()) : options.plan_timeout;
  allowance.apply_timeout =
      asked.has_apply_timeout() ? FromProto(asked.apply_timeout()) : options.apply_timeout;
  return allowance;
}

absl::Duration RunAllowance::TimeoutOf(std::string_view step) const {
  if (step == "plan") return plan_timeout;
  if (step == "apply" || step == "destroy") return apply_timeout;
  return absl::InfiniteDuration();
}

std::string GoMemoryLimit(const Limits& limits, const std::string& usual) {
  const int64_t share = limits.memory_bytes / 100 * kHeapShare;
  const int64_t known = ParseSize(usual).value_or(0);
  if (share <= 0 || (known > 0 && known <= share)) return usual;
  return absl::StrCat(std::max<int64_t>(share / kMiB, 1), "MiB");
}

absl::StatusOr<int64_t> ParseSize(std::string_view text) {
  static const RE2 kSize("([0-9]{1,12})(?:([KMGT])i)?B");
  if (text.empty()) return 0;
  int64_t number = 0;
  std::string unit;
  if (!RE2::FullMatch(re2::StringPiece(text.data(), text.size()), kSize, &number, &unit)) {
    return absl::InvalidArgumentError(
        absl::StrCat(std::string(text), " is no size like 512MiB or 2GiB"));
  }
  int shift = 0;
  if (!unit.empty()) shift = 10 * (1 + static_cast<int>(std::string("KMGT").find(unit)));
  if (number > (std::numeric_limits<int64_t>::max() >> shift)) {
    return absl::InvalidArgumentError(absl::StrCat(std::string(text), " is too much"));
  }
  return number << shift;
}

absl::StatusOr<int64_t> ParseCpus(std::string_view text) {
  if (text.empty()) return 0;
  double cpus = 0;
  if (!absl::SimpleAtod(absl::string_view(text.data(), text.size()), &cpus) || !(cpus >= 0.1) ||
      cpus > 1000) {
    return absl::InvalidArgumentError(
        absl::StrCat(std::string(text), " is no number of processors from 0.1 to 1000"));
  }
  return std::llround(cpus * 1000);
}

}  // namespace stackyard::runner
