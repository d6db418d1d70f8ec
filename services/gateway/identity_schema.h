// Tables of the gateway.
#pragma once

#include "common/sql.h"

namespace stackyard::gateway {

const Migrations& GatewayMigrations();

// Moves the generation on. First statement of every transaction that changes who may do what: it
// makes such transactions take turns, and tells all replicas to forget what they remember.
void BumpGeneration(soci::session& sql);

int64_t ReadGeneration(soci::session& sql);

}  // namespace stackyard::gateway
