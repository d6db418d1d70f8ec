#include "services/gateway/identity_service.h"

#include "common/grpc_status.h"
#include "common/principal.h"

namespace stackyard::gateway {
namespace {

// Calls `body` with the caller.
template <typename Body>
auto AsCaller(const grpc::ServerContext& context, Body body)
    -> decltype(body(std::declval<const Principal&>())) {
  const absl::StatusOr<Principal> caller = CallerOf(context);
  if (!caller.ok()) return caller.status();
  return body(*caller);
}

}  // namespace

grpc::Status IdentityService::WhoAmI(grpc::ServerContext* context, const v1::WhoAmIRequest* request,
                                     v1::WhoAmIResponse* response) {
  return Answer(
      AsCaller(*context, [&](const Principal& caller) { return identity_.WhoAmI(caller); }),
      response);
}

grpc::Status IdentityService::TestPermissions(grpc::ServerContext* context,
                                              const v1::TestPermissionsRequest* request,
                                              v1::TestPermissionsResponse* response) {
  return Answer(AsCaller(*context,
                         [&](const Principal& caller) {
                           return identity_.TestPermissions(caller, *request);
                         }),
                response);
}

grpc::Status IdentityService::CreateUser(grpc::ServerContext* context,
                                         const v1::CreateUserRequest* request, v1::User* response) {
  return Answer(
      AsCaller(*context,
               [&](const Principal& caller) { return identity_.CreateUser(caller, *request); }),
      response);
}

grpc::Status IdentityService::GetUser(grpc::ServerContext* context,
                                      const v1::GetUserRequest* request, v1::User* response) {
  return Answer(identity_.GetUser(*request), response);
}

grpc::Status IdentityService::ListUsers(grpc::ServerContext* context,
                                        const v1::ListUsersRequest* request,
                                        v1::ListUsersResponse* response) {
  return Answer(identity_.ListUsers(*request), response);
}

grpc::Status IdentityService::UpdateUser(grpc::ServerContext* context,
                                         const v1::UpdateUserRequest* request, v1::User* response) {
  return Answer(
      AsCaller(*context,
               [&](const Principal& caller) { return identity_.UpdateUser(caller, *request); }),
      response);
}

grpc::Status IdentityService::DeleteUser(grpc::ServerContext* context,
                                         const v1::DeleteUserRequest* request,
                                         google::protobuf::Empty* response) {
  return Answer(AsCaller(
      *context, [&](const Principal& caller) { return identity_.DeleteUser(caller, *request); }));
}

grpc::Status IdentityService::CreateRole(grpc::ServerContext* context,
                                         const v1::CreateRoleRequest* request, v1::Role* response) {
  return Answer(
      AsCaller(*context,
               [&](const Principal& caller) { return identity_.CreateRole(caller, *request); }),
      response);
}

grpc::Status IdentityService::GetRole(grpc::ServerContext* context,
                                      const v1::GetRoleRequest* request, v1::Role* response) {
  return Answer(identity_.GetRole(*request), response);
}

grpc::Status IdentityService::ListRoles(grpc::ServerContext* context,
                                        const v1::ListRolesRequest* request,
                                        v1::ListRolesResponse* response) {
  return Answer(identity_.ListRoles(*request), response);
}

grpc::Status IdentityService::UpdateRole(grpc::ServerContext* context,
                                         const v1::UpdateRoleRequest* request, v1::Role* response) {
  return Answer(
      AsCaller(*context,
               [&](const Principal& caller) { return identity_.UpdateRole(caller, *request); }),
      response);
}

grpc::Status IdentityService::DeleteRole(grpc::ServerContext* context,
                                         const v1::DeleteRoleRequest* request,
                                         google::protobuf::Empty* response) {
  return Answer(AsCaller(
      *context, [&](const Principal& caller) { return identity_.DeleteRole(caller, *request); }));
}

grpc::Status IdentityService::CreateBinding(grpc::ServerContext* context,
                                            const v1::CreateBindingRequest* request,
                                            v1::Binding* response) {
  return Answer(
      AsCaller(*context,
               [&](const Principal& caller) { return identity_.CreateBinding(caller, *request); }),
      response);
}

grpc::Status IdentityService::GetBinding(grpc::ServerContext* context,
                                         const v1::GetBindingRequest* request,
                                         v1::Binding* response) {
  return Answer(identity_.GetBinding(*request), response);
}

grpc::Status IdentityService::ListBindings(grpc::ServerContext* context,
                                           const v1::ListBindingsRequest* request,
                                           v1::ListBindingsResponse* response) {
  return Answer(identity_.ListBindings(*request), response);
}

grpc::Status IdentityService::DeleteBinding(grpc::ServerContext* context,
                                            const v1::DeleteBindingRequest* request,
                                            google::protobuf::Empty* response) {
  return Answer(AsCaller(*context, [&](const Principal& caller) {
    return identity_.DeleteBinding(caller, *request);
  }));
}

grpc::Status IdentityService::CreateToken(grpc::ServerContext* context,
                                          const v1::CreateTokenRequest* request,
                                          v1::CreateTokenResponse* response) {
  return Answer(
      AsCaller(*context,
               [&](const Principal& caller) { return identity_.CreateToken(caller, *request); }),
      response);
}

grpc::Status IdentityService::GetToken(grpc::ServerContext* context,
                                       const v1::GetTokenRequest* request, v1::Token* response) {
  return Answer(
      AsCaller(*context,
               [&](const Principal& caller) { return identity_.GetToken(caller, *request); }),
      response);
}

grpc::Status IdentityService::ListTokens(grpc::ServerContext* context,
                                         const v1::ListTokensRequest* request,
                                         v1::ListTokensResponse* response) {
  return Answer(
      AsCaller(*context,
               [&](const Principal& caller) { return identity_.ListTokens(caller, *request); }),
      response);
}

grpc::Status IdentityService::RevokeToken(grpc::ServerContext* context,
                                          const v1::RevokeTokenRequest* request,
                                          v1::Token* response) {
  return Answer(
      AsCaller(*context,
               [&](const Principal& caller) { return identity_.RevokeToken(caller, *request); }),
      response);
}

grpc::Status IdentityService::ListDenials(grpc::ServerContext* context,
                                          const v1::ListDenialsRequest* request,
                                          v1::ListDenialsResponse* response) {
  return Answer(denials_.List(*request), response);
}

grpc::Status IdentityService::ListIdentityProviders(grpc::ServerContext* context,
                                                    const v1::ListIdentityProvidersRequest* request,
                                                    v1::ListIdentityProvidersResponse* response) {
  for (const OidcProvider& provider : providers_) {
    v1::IdentityProvider& shown = *response->add_identity_providers();
    shown.set_issuer(provider.issuer);
    shown.set_display_name(provider.display_name);
    shown.set_client_id(provider.client_id);
    shown.mutable_scopes()->Assign(provider.scopes.begin(), provider.scopes.end());
  }
  return grpc::Status::OK;
}

}  // namespace stackyard::gateway
