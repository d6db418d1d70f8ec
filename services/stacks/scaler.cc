#include "services/stacks/scaler.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "services/stacks/queue_store.h"

namespace stackyard::stacks {
namespace {

constexpr char kTarget[] = "targetRunsPerRunner";
constexpr int kUsual = 2;
// As many slots as a runner may have.
constexpr int kMost = 1000;

}  // namespace

absl::StatusOr<int64_t> RunsThatWantASlot(Store& store) {
  return store.ReadValue<int64_t>(
      [](soci::session& sql) -> absl::StatusOr<int64_t> { return CountWork(sql); });
}

absl::StatusOr<int> TargetRunsPerRunner(const std::map<std::string, std::string>& metadata) {
  int target = kUsual;
  for (const auto& [key, value] : metadata) {
    if (key == kTarget) {
      if (absl::SimpleAtoi(value, &target) && target >= 1 && target <= kMost) continue;
      return InvalidField(absl::StrCat("scalerMetadata.", key),
                          absl::StrCat("must be a whole number from 1 to ", kMost));
    }
    if (absl::StartsWithIgnoreCase(key, "target")) {
      return InvalidField(absl::StrCat("scalerMetadata.", key),
                          absl::StrCat("is unknown; it may be meant for ", kTarget));
    }
  }
  return target;
}

}  // namespace stackyard::stacks
