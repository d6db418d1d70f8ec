// A real PostgreSQL for tests: private, on a Unix socket, gone with the process.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace stackyard {

// Makes an empty database and answers its URL, as Database::Open takes it. The first call starts
// the server of this process, from PATH or /usr/lib/postgresql/*/bin; it ends when the process
// does, whichever way. NOT_FOUND when PostgreSQL is not installed.
absl::StatusOr<std::string> NewPostgresDatabase();

}  // namespace stackyard
