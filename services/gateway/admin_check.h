// Nobody locks everybody out.
#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "common/sql.h"

namespace stackyard::gateway {

// Whether somebody who is not suspended may do everything everywhere: by a role with `*` that is
// bound globally to them or a group of theirs.
absl::StatusOr<bool> HasAdministrator(soci::session& sql);

// Does `change`, which answers OK or an error, and refuses it with WRONG_STATE where it leaves no
// administrator. What there was none before does not need one after. To be called in a transaction
// that ends with the error.
absl::Status KeepingAnAdministrator(soci::session& sql,
                                    const std::function<absl::Status()>& change);

}  // namespace stackyard::gateway
