// SQLite sessions that prepare each statement once.
#pragma once

#include <soci/backend-loader.h>
#include <soci/soci.h>

namespace stackyard {

// As `soci::sqlite3`, but what was prepared is kept by its text for the next use in the same
// session: parsing and planning cost several times what the short statements of the services do.
// The last 200 texts are kept. Statements that use the same text at the same time are prepared
// apart.
const soci::backend_factory& CachingSqlite();

}  // namespace stackyard
