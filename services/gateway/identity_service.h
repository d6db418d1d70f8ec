// IdentityService over gRPC.
#pragma once

#include <utility>
#include <vector>

#include "services/gateway/denial_log.h"
#include "services/gateway/identity.h"
#include "services/gateway/oidc_provider.h"
#include "stackyard/v1/identity.grpc.pb.h"

namespace stackyard::gateway {

class IdentityService final : public v1::IdentityService::Service {
 public:
  IdentityService(Identity& identity, DenialLog& denials, std::vector<OidcProvider> providers)
      : identity_(identity), denials_(denials), providers_(std::move(providers)) {}

  grpc::Status WhoAmI(grpc::ServerContext* context, const v1::WhoAmIRequest* request,
                      v1::WhoAmIResponse* response) override;
  grpc::Status TestPermissions(grpc::ServerContext* context,
                               const v1::TestPermissionsRequest* request,
                               v1::TestPermissionsResponse* response) override;
  grpc::Status CreateUser(grpc::ServerContext* context, const v1::CreateUserRequest* request,
                          v1::User* response) override;
  grpc::Status GetUser(grpc::ServerContext* context, const v1::GetUserRequest* request,
                       v1::User* response) override;
  grpc::Status ListUsers(grpc::ServerContext* context, const v1::ListUsersRequest* request,
                         v1::ListUsersResponse* response) override;
  grpc::Status UpdateUser(grpc::ServerContext* context, const v1::UpdateUserRequest* request,
                          v1::User* response) override;
  grpc::Status DeleteUser(grpc::ServerContext* context, const v1::DeleteUserRequest* request,
                          google::protobuf::Empty* response) override;
  grpc::Status CreateRole(grpc::ServerContext* context, const v1::CreateRoleRequest* request,
                          v1::Role* response) override;
  grpc::Status GetRole(grpc::ServerContext* context, const v1::GetRoleRequest* request,
                       v1::Role* response) override;
  grpc::Status ListRoles(grpc::ServerContext* context, const v1::ListRolesRequest* request,
                         v1::ListRolesResponse* response) override;
  grpc::Status UpdateRole(grpc::ServerContext* context, const v1::UpdateRoleRequest* request,
                          v1::Role* response) override;
  grpc::Status DeleteRole(grpc::ServerContext* context, const v1::DeleteRoleRequest* request,
                          google::protobuf::Empty* response) override;
  grpc::Status CreateBinding(grpc::ServerContext* context, const v1::CreateBindingRequest* request,
                             v1::Binding* response) override;
  grpc::Status GetBinding(grpc::ServerContext* context, const v1::GetBindingRequest* request,
                          v1::Binding* response) override;
  grpc::Status ListBindings(grpc::ServerContext* context, const v1::ListBindingsRequest* request,
                            v1::ListBindingsResponse* response) override;
  grpc::Status DeleteBinding(grpc::ServerContext* context, const v1::DeleteBindingRequest* request,
                             google::protobuf::Empty* response) override;
  grpc::Status CreateToken(grpc::ServerContext* context, const v1::CreateTokenRequest* request,
                           v1::CreateTokenResponse* response) override;
  grpc::Status GetToken(grpc::ServerContext* context, const v1::GetTokenRequest* request,
                        v1::Token* response) override;
  grpc::Status ListTokens(grpc::ServerContext* context, const v1::ListTokensRequest* request,
                          v1::ListTokensResponse* response) override;
  grpc::Status RevokeToken(grpc::ServerContext* context, const v1::RevokeTokenRequest* request,
                           v1::Token* response) override;
  grpc::Status ListDenials(grpc::ServerContext* context, const v1::ListDenialsRequest* request,
                           v1::ListDenialsResponse* response) override;
  grpc::Status ListIdentityProviders(grpc::ServerContext* context,
                                     const v1::ListIdentityProvidersRequest* request,
                                     v1::ListIdentityProvidersResponse* response) override;

 private:
  Identity& identity_;
  DenialLog& denials_;
  const std::vector<OidcProvider> providers_;
};

}  // namespace stackyard::gateway
