// Tokens in SQL, and what a token's user may do.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "services/gateway/access.h"
#include "services/gateway/record_table.h"
#include "stackyard/v1/identity.pb.h"

namespace stackyard::gateway {

void InsertToken(soci::session& sql, const std::string& user, const std::string& id,
                 const std::string& hash, const v1::Token& token);
// RESOURCE_NOT_FOUND when the user has no such token.
absl::StatusOr<v1::Token> ReadToken(soci::session& sql, const std::string& user,
                                    const std::string& id);
void SaveToken(soci::session& sql, const std::string& id, const v1::Token& token);
absl::StatusOr<std::vector<v1::Token>> ListTokens(soci::session& sql, const std::string& user,
                                                  const Range& range);
// Never moves a time back.
void SaveLastUse(soci::session& sql, const std::string& id, absl::Time time);

// All roles of a user, their own and those of their groups. A role that is no longer there gives
// nothing.
absl::StatusOr<std::vector<Grant>> LoadGrants(soci::session& sql, const v1::User& user);

// Who sends the token with this hash; null when nobody may be let in with it. Does not look at the
// expiry.
absl::StatusOr<CallerPtr> LoadCaller(soci::session& sql, const std::string& hash);

// Somebody as they are now, with all that they may do. TOKEN_INVALID when they are suspended or
// gone.
absl::StatusOr<CallerPtr> LoadUser(soci::session& sql, const std::string& user_id,
                                   absl::Time expire_time);

}  // namespace stackyard::gateway
