#include "services/stacks/event_types.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/field_path.h"

namespace stackyard::stacks {
namespace {

constexpr int kMostPatterns = 50;

}  // namespace

const std::vector<std::string_view>& EventTypes() {
  static const auto& types = *new std::vector<std::string_view>{
      "changeRequest.applied",
      "changeRequest.approved",
      "changeRequest.commented",
      "changeRequest.created",
      "changeRequest.expired",
      "changeRequest.failed",
      "changeRequest.rejected",
      "changeRequest.reviewed",
      "changeRequest.stale",
      "changeRequest.withdrawn",
      "channel.created",
      "channel.deleted",
      "channel.replayed",
      "channel.updated",
      "credential.created",
      "credential.deleted",
      "credential.updated",
      "project.created",
      "project.deleted",
      "project.updated",
      "quota.overCommitted",
      "reservation.orphaned",
      "run.cancelAsked",
      "stack.applied",
      "stack.applyAsked",
      "stack.broken",
      "stack.created",
      "stack.destroyAsked",
      "stack.destroyFailed",
      "stack.driftFound",
      "stack.fileDownloaded",
      "stack.givenUp",
      "stack.gone",
      "stack.leaseExtended",
      "stack.leaseWarning",
      "stack.outputsRevealed",
      "stack.planAsked",
      "stack.planStale",
      "stack.planStarted",
      "stack.publishFailed",
      "stack.published",
      "stack.reservationDiffers",
      "stack.reservationMissing",
      "stack.reservationRestored",
      "stack.reviewAsked",
      "stack.updated",
      "state.downloaded",
      "state.forceUnlocked",
      "state.foundTooLate",
      "state.locked",
      "state.rolledBack",
      "state.salvaged",
      "state.unlocked",
      "state.written",
  };
  return types;
}

bool TakesIn(std::string_view pattern, std::string_view type) {
  if (pattern == "*" || pattern == type) return true;
  return pattern.ends_with(".*") && type.starts_with(pattern.substr(0, pattern.size() - 1));
}

bool AnyTakesIn(const google::protobuf::RepeatedPtrField<std::string>& patterns,
                std::string_view type) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return TakesIn(pattern, type); });
}

void CheckPatterns(std::string_view field,
                   const google::protobuf::RepeatedPtrField<std::string>& patterns,
                   Violations& violations) {
  if (patterns.size() > kMostPatterns) {
    violations.Add(field, absl::StrCat("must be at most ", kMostPatterns));
    return;
  }
  const auto& types = EventTypes();
  for (const std::string& pattern : patterns) {
    const bool known = std::any_of(types.begin(), types.end(),
                                   [&](std::string_view type) { return TakesIn(pattern, type); });
    if (known) continue;
    violations.Add(
        field, absl::StrCat("no event is of type ", Quoted(pattern),
                            "; there are *, stack.* and the like, and ",
                            absl::StrJoin(types, ", ", [](std::string* out, std::string_view type) {
                              out->append(type);
                            })));
  }
}

}  // namespace stackyard::stacks
