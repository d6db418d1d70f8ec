// Which keys the data is sealed with.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/sealer.h"
#include "common/sql.h"

namespace stackyard::stacks {

// The keys of a file, which is made when it is not there and nothing was ever sealed. Every key
// that seals leaves a proof in the database. INVALID_ARGUMENT with one line when the file is
// missing, or lacks a key, that the data of this database is sealed with: no key is made over old
// data, and replicas with different files do not start.
absl::StatusOr<Sealer> OpenSealer(Database& db, const std::string& path);

}  // namespace stackyard::stacks
