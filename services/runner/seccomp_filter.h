// The system calls that runs may not make.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "services/runner/file.h"

namespace stackyard::runner {

// A compiled filter in a file, as bubblewrap takes it. What it refuses fails with EPERM: calls that
// no run needs and that reach deep into the kernel (mounts, other namespaces, tracing, keys, BPF,
// io_uring, modules, clocks), and every call of another architecture. UNIMPLEMENTED where this
// processor is not known.
absl::StatusOr<std::shared_ptr<const Fd>> SeccompFilter();

}  // namespace stackyard::runner
