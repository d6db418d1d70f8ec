// How much memory the runner may still take.
#pragma once

#include <cstdint>
#include <string>

namespace stackyard::runner {

// Bytes that are left before the machine, or the control group that the runner is in, runs out;
// INT64_MAX when that cannot be told. `root` is where /proc and /sys lie.
int64_t AvailableMemory(const std::string& root = "");

}  // namespace stackyard::runner
