// Brings a database's schema forward.
#pragma once

#include "absl/status/status.h"
#include "common/sql.h"

namespace stackyard {

// Applies what is missing, each migration once whoever else is at it, and all of them or none. A
// schema that is newer is left alone; FAILED_PRECONDITION with one line when it is not for a
// program that knows these migrations alone.
absl::Status Migrate(Database& database, const Migrations& migrations);

}  // namespace stackyard
