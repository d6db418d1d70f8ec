// The first administrator.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "common/clock.h"
#include "common/sql.h"

namespace stackyard::gateway {

// Id of the first administrator.
inline constexpr char kBootstrapUser[] = "admin";

// Sees to it that `token_file` holds a token of somebody. When the file is missing or its token is
// not valid: makes the user `admin` and their global binding to the role admin unless they are
// there, and a token, which is written to the file (0600, at once or not at all) and nowhere else.
// Several replicas may start at a time, with a file each. Fails when the file cannot be written,
// and when `admin` is suspended.
absl::Status EnsureAdmin(Database& database, const Clock& clock, const std::string& token_file);

// The other way, where replicas have no files of their own: `token_file` holds the token that the
// user `admin` gets, with all that EnsureAdmin makes, if this place never had an administrator made
// at a start. Of several replicas that start at a time one makes it. Later it only says in the log
// whether the token is still one. INVALID_ARGUMENT when the file cannot be read, or its token has
// not the form or strength of one.
absl::Status EnsureFirstAdmin(Database& database, const Clock& clock,
                              const std::string& token_file);

}  // namespace stackyard::gateway
