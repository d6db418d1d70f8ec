// Where a server listens.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace stackyard {

// Whether `host:port` can be reached from this machine alone.
bool IsLoopbackAddress(const std::string& address);

// Makes the folder of a Unix socket for its owner alone where there is none, and refuses one in
// which others could put a socket of their own in the place of ours: INVALID_ARGUMENT with one
// line.
absl::Status PrepareSocketFolder(const std::string& socket);

}  // namespace stackyard
