// Brings a database's schema forward.
#pragma once

#include "absl/status/status.h"
#include "common/sql.h"

namespace stackyard {

// Replicas of the release before go on working beside the new schema: what a migration may do is in
// CONTRIBUTING.md. One with the statement `{min_version N}` is for programs that know the first N
// migrations at least; those that know fewer do not start on it.

// Applies what is missing, each migration once whoever else is at it, and all of them or none. A
// schema that is newer is left alone; FAILED_PRECONDITION with one line when it is not for a
// program that knows these migrations alone.
absl::Status Migrate(Database& database, const Migrations& migrations);

}  // namespace stackyard
