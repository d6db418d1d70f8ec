#include "services/gateway/token_store.h"

#include <map>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/proto_time.h"
#include "services/gateway/binding_store.h"
#include "services/gateway/builtin_roles.h"

namespace stackyard::gateway {
namespace {

absl::StatusOr<v1::Token> ToToken(const std::string& data, long long last_use_micros) {
  v1::Token token;
  RETURN_IF_ERROR(Unpack(data, token));
  if (last_use_micros > 0) *token.mutable_last_use_time() = ToProto(FromMicros(last_use_micros));
  return token;
}

// Null when the role is not there.
absl::StatusOr<std::shared_ptr<const PermissionSet>> LoadRole(soci::session& sql,
                                                              const std::string& id) {
  v1::Role role;
  if (const v1::Role* builtin = FindBuiltinRole(id); builtin != nullptr) {
    role = *builtin;
  } else if (kRoles.Has(sql, id)) {
    RETURN_IF_ERROR(kRoles.Read(sql, id, role));
  } else {
    return nullptr;
  }
  return std::make_shared<const PermissionSet>(
      std::vector<std::string>(role.permissions().begin(), role.permissions().end()));
}

}  // namespace

void InsertToken(soci::session& sql, const std::string& user, const std::string& id,
                 const std::string& hash, const v1::Token& token) {
  const std::string data = Pack(token);
  sql << "INSERT INTO tokens (id, user_id, hash, data) VALUES (:id, :user_id, :hash, :data)",
      soci::use(id), soci::use(user), soci::use(hash), soci::use(data);
}

absl::StatusOr<v1::Token> ReadToken(soci::session& sql, const std::string& user,
                                    const std::string& id) {
  std::string data;
  long long last_use = 0;
  sql << "SELECT data, last_use_time FROM tokens WHERE id = :id AND user_id = :user_id",
      soci::use(id), soci::use(user), soci::into(data), soci::into(last_use);
  if (!sql.got_data()) return NotFound(absl::StrCat("users/", user, "/tokens/", id));
  return ToToken(data, last_use);
}

void SaveToken(soci::session& sql, const std::string& id, const v1::Token& token) {
  const std::string data = Pack(token);
  sql << "UPDATE tokens SET data = :data WHERE id = :id", soci::use(data), soci::use(id);
}

absl::StatusOr<std::vector<v1::Token>> ListTokens(soci::session& sql, const std::string& user,
                                                  const Range& range) {
  const soci::rowset<soci::row> rows =
      (sql.prepare << "SELECT data, last_use_time FROM tokens WHERE user_id = :user_id"
                   << RangeClause(range),
       soci::use(user), soci::use(range.after), soci::use(range.after));
  std::vector<v1::Token> tokens;
  for (const soci::row& row : rows) {
    std::string data;
    long long last_use = 0;
    row >> data >> last_use;
    ASSIGN_OR_RETURN(v1::Token token, ToToken(data, last_use));
    tokens.push_back(std::move(token));
  }
  return tokens;
}

void SaveLastUse(soci::session& sql, const std::string& id, absl::Time time) {
  const long long micros = ToMicros(time);
  sql << "UPDATE tokens SET last_use_time = :time WHERE id = :id AND last_use_time < :time2",
      soci::use(micros), soci::use(id), soci::use(micros);
}

absl::StatusOr<std::vector<Grant>> LoadGrants(soci::session& sql, const v1::User& user) {
  std::vector<std::string> members = {user.name()};
  for (const std::string& group : user.groups()) members.push_back(absl::StrCat("groups/", group));
  std::map<std::string, std::shared_ptr<const PermissionSet>> roles;
  std::vector<Grant> grants;
  for (const std::string& member : members) {
    for (const BindingRow& binding : BindingsOf(sql, member)) {
      auto role = roles.find(binding.role);
      if (role == roles.end()) {
        ASSIGN_OR_RETURN(auto permissions, LoadRole(sql, binding.role));
        role = roles.emplace(binding.role, std::move(permissions)).first;
      }
      if (role->second == nullptr) continue;
      grants.push_back({binding.project, binding.role, role->second});
    }
  }
  return grants;
}

absl::StatusOr<CallerPtr> LoadUser(soci::session& sql, const std::string& user_id,
                                   absl::Time expire_time) {
  v1::User user;
  const absl::Status read = kUsers.Read(sql, user_id, user);
  if (absl::IsNotFound(read) || user.suspended()) {
    return Error(v1::TOKEN_INVALID,
                 absl::StrCat("users/", user_id, read.ok() ? " is suspended" : " is gone"));
  }
  RETURN_IF_ERROR(read);
  auto caller = std::make_shared<Caller>();
  caller->user = user_id;
  caller->email = user.email();
  caller->expire_time = expire_time;
  ASSIGN_OR_RETURN(caller->grants, LoadGrants(sql, user));
  return caller;
}

absl::StatusOr<CallerPtr> LoadCaller(soci::session& sql, const std::string& hash) {
  std::string id, user_id, data;
  sql << "SELECT id, user_id, data FROM tokens WHERE hash = :hash", soci::use(hash), soci::into(id),
      soci::into(user_id), soci::into(data);
  if (!sql.got_data()) return nullptr;
  v1::Token token;
  RETURN_IF_ERROR(Unpack(data, token));
  v1::User user;
  RETURN_IF_ERROR(kUsers.Read(sql, user_id, user));
  if (token.revoked() || user.suspended()) return nullptr;

  auto caller = std::make_shared<Caller>();
  caller->user = user_id;
  caller->token_id = id;
  caller->email = user.email();
  if (token.has_expire_time()) caller->expire_time = FromProto(token.expire_time());
  caller->scopes.assign(token.scopes().begin(), token.scopes().end());
  caller->scope_set = PermissionSet(caller->scopes);
  ASSIGN_OR_RETURN(caller->grants, LoadGrants(sql, user));
  return caller;
}

}  // namespace stackyard::gateway
