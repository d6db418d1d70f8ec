// Tables of the quota service.
#pragma once

#include "common/sql.h"

namespace stackyard::quota {

const Migrations& Schema();

}  // namespace stackyard::quota
