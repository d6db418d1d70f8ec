// How many runners are wanted, for who starts and ends them.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "services/stacks/change.h"

namespace stackyard::stacks {

// Runs that a runner could work on now and those that one works on. A run that waits for a person
// or for quota is none of them: more runners would not bring it on. The same in every replica.
absl::StatusOr<int64_t> RunsThatWantASlot(Store& store);

// How many of those a runner should have: `targetRunsPerRunner` of a trigger's metadata. As many
// runners are wanted as their number divided by this, rounded up. INVALID_FIELD for what is no
// number from 1 to 1000, and for another key that begins with `target`, which is one of ours that
// was written wrong; all others are KEDA's own.
absl::StatusOr<int> TargetRunsPerRunner(const std::map<std::string, std::string>& metadata);

}  // namespace stackyard::stacks
