// Users, roles, bindings and tokens: the rules, over SQL.
//
// The gateway has checked the permission of each call; what is checked here is what it cannot see:
// whose tokens they are, and that nobody gives away more than they hold.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/principal.h"
#include "common/sql.h"
#include "services/gateway/access.h"
#include "services/gateway/replay.h"
#include "stackyard/v1/identity.pb.h"

namespace stackyard::gateway {

class Identity {
 public:
  // `permissions` are those that exist, sorted. `on_change` is called after every change that was
  // committed, so that this process obeys it at once.
  Identity(Database& database, std::vector<std::string> permissions, const Clock& clock,
           std::function<void()> on_change);

  // Each answers as its RPC says; see identity.proto for errors.
  absl::StatusOr<v1::WhoAmIResponse> WhoAmI(const Principal& caller);
  absl::StatusOr<v1::TestPermissionsResponse> TestPermissions(
      const Principal& caller, const v1::TestPermissionsRequest& request);

  absl::StatusOr<v1::User> CreateUser(const Principal& caller,
                                      const v1::CreateUserRequest& request);
  absl::StatusOr<v1::User> GetUser(const v1::GetUserRequest& request);
  absl::StatusOr<v1::ListUsersResponse> ListUsers(const v1::ListUsersRequest& request);
  absl::StatusOr<v1::User> UpdateUser(const Principal& caller,
                                      const v1::UpdateUserRequest& request);
  absl::Status DeleteUser(const Principal& caller, const v1::DeleteUserRequest& request);

  absl::StatusOr<v1::Role> CreateRole(const Principal& caller,
                                      const v1::CreateRoleRequest& request);
  absl::StatusOr<v1::Role> GetRole(const v1::GetRoleRequest& request);
  absl::StatusOr<v1::ListRolesResponse> ListRoles(const v1::ListRolesRequest& request);
  absl::StatusOr<v1::Role> UpdateRole(const Principal& caller,
                                      const v1::UpdateRoleRequest& request);
  absl::Status DeleteRole(const Principal& caller, const v1::DeleteRoleRequest& request);

  absl::StatusOr<v1::Binding> CreateBinding(const Principal& caller,
                                            const v1::CreateBindingRequest& request);
  absl::StatusOr<v1::Binding> GetBinding(const v1::GetBindingRequest& request);
  absl::StatusOr<v1::ListBindingsResponse> ListBindings(const v1::ListBindingsRequest& request);
  absl::Status DeleteBinding(const Principal& caller, const v1::DeleteBindingRequest& request);

  absl::StatusOr<v1::CreateTokenResponse> CreateToken(const Principal& caller,
                                                      const v1::CreateTokenRequest& request);
  absl::StatusOr<v1::Token> GetToken(const Principal& caller, const v1::GetTokenRequest& request);
  absl::StatusOr<v1::ListTokensResponse> ListTokens(const Principal& caller,
                                                    const v1::ListTokensRequest& request);
  absl::StatusOr<v1::Token> RevokeToken(const Principal& caller,
                                        const v1::RevokeTokenRequest& request);

 private:
  // A transaction that moves the generation on and answers a repeated request_id as before.
  template <typename Response>
  absl::StatusOr<Response> Change(
      const ReplayKey& key, const google::protobuf::MessageLite& request,
      const std::function<absl::StatusOr<Response>(soci::session&)>& body);
  template <typename Response>
  absl::StatusOr<Response> Read(
      const std::function<absl::StatusOr<Response>(soci::session&)>& body);

  // The caller as they are now, to find out what they may pass on.
  absl::StatusOr<Caller> LoadPrincipal(soci::session& sql, const Principal& caller) const;
  // PERMISSION_MISSING unless the caller holds all of `patterns` on the project (empty:
  // everywhere).
  absl::Status CheckHolds(soci::session& sql, const Principal& caller, const std::string& project,
                          const std::vector<std::string>& patterns) const;
  absl::StatusOr<v1::Role> ReadRole(soci::session& sql, const std::string& id) const;

  Database& database_;
  const std::vector<std::string> permissions_;
  const Clock& clock_;
  const std::function<void()> on_change_;
};

}  // namespace stackyard::gateway
