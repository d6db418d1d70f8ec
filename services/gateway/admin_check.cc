#include "services/gateway/admin_check.h"

#include <algorithm>
#include <string>
#include <vector>

#include "common/status.h"
#include "common/status_macros.h"
#include "services/gateway/builtin_roles.h"
#include "services/gateway/permission_set.h"
#include "services/gateway/record_table.h"
#include "stackyard/v1/identity.pb.h"

namespace stackyard::gateway {
namespace {

constexpr int kStep = 1000;

bool CoversAll(const v1::Role& role) {
  return std::find(role.permissions().begin(), role.permissions().end(), "*") !=
         role.permissions().end();
}

// Calls `visit` with each message of a table until it answers true, and answers whether it did.
template <typename T, typename Visit>
absl::StatusOr<bool> AnyOf(soci::session& sql, const RecordTable& table, const Visit& visit) {
  Range range{"", false, kStep};
  while (true) {
    ASSIGN_OR_RETURN(const std::vector<T> rows, table.List<T>(sql, range));
    if (std::any_of(rows.begin(), rows.end(), visit)) return true;
    if (static_cast<int>(rows.size()) < kStep) return false;
    range.after = rows.back().name().substr(rows.back().name().find('/') + 1);
  }
}

// Who holds a role globally.
std::vector<std::string> MembersOf(soci::session& sql, const std::string& role) {
  const soci::rowset<std::string> rows =
      (sql.prepare << "SELECT member FROM bindings WHERE project = '' AND role = :role",
       soci::use(role));
  return {rows.begin(), rows.end()};
}

}  // namespace

absl::StatusOr<bool> HasAdministrator(soci::session& sql) {
  std::vector<std::string> members;
  const auto collect = [&](const v1::Role& role) {
    if (!CoversAll(role)) return false;
    for (std::string& member : MembersOf(sql, role.name().substr(6))) {
      members.push_back(std::move(member));
    }
    return false;
  };
  for (const v1::Role& role : BuiltinRoles()) collect(role);
  RETURN_IF_ERROR(AnyOf<v1::Role>(sql, kRoles, collect).status());

  std::vector<std::string> groups;
  for (const std::string& member : members) {
    const std::string id = member.substr(member.find('/') + 1);
    if (member.starts_with("groups/")) {
      groups.push_back(id);
    } else if (kUsers.Has(sql, id)) {
      v1::User user;
      RETURN_IF_ERROR(kUsers.Read(sql, id, user));
      if (!user.suspended()) return true;
    }
  }
  if (groups.empty()) return false;
  return AnyOf<v1::User>(sql, kUsers, [&](const v1::User& user) {
    return !user.suspended() &&
           std::any_of(user.groups().begin(), user.groups().end(), [&](const std::string& group) {
             return std::find(groups.begin(), groups.end(), group) != groups.end();
           });
  });
}

absl::Status KeepingAnAdministrator(soci::session& sql,
                                    const std::function<absl::Status()>& change) {
  ASSIGN_OR_RETURN(const bool before, HasAdministrator(sql));
  RETURN_IF_ERROR(change());
  if (!before) return absl::OkStatus();
  ASSIGN_OR_RETURN(const bool after, HasAdministrator(sql));
  if (after) return absl::OkStatus();
  return Error(v1::WRONG_STATE,
               "nobody would be left who may do everything; make somebody else an administrator "
               "first");
}

}  // namespace stackyard::gateway
