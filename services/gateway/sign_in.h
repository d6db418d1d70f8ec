// People of an identity provider become users here.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/sql.h"
#include "services/gateway/external_user.h"

namespace stackyard::gateway {

// Answers the id of the user that the person is. Who comes for the first time becomes a user; their
// name, address and groups then follow each token that is newer than the last one. Nothing is
// written, and no replica forgets anything, while nothing changes.
//
// TOKEN_INVALID when the id is taken: by another subject, or by a user who was made by hand, unless
// `link_existing` is set, they have no subject, and they are not `admin`. DEPENDENCY_UNAVAILABLE
// without a database.
absl::StatusOr<std::string> SignIn(Database& database, const ExternalUser& person, absl::Time now);

}  // namespace stackyard::gateway
