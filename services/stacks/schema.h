// Tables of the stacks service.
#pragma once

#include "common/sql.h"

namespace stackyard::stacks {

// Rows hold a packed message in `body` and, beside it, the columns that SQL asks about.
Migrations Schema();

}  // namespace stackyard::stacks
