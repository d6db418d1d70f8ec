#include "services/stacks/credential_service.h"

#include "common/handler.h"

namespace stackyard::stacks {

using grpc::ServerContext;

grpc::Status CredentialRpc::CreateCredential(ServerContext* context,
                                             const v1::CreateCredentialRequest* request,
                                             v1::Credential* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return credentials_.Create(caller, *request); });
}

grpc::Status CredentialRpc::GetCredential(ServerContext* context,
                                          const v1::GetCredentialRequest* request,
                                          v1::Credential* response) {
  return Handle(context, response, [&](const Principal&) { return credentials_.Get(*request); });
}

grpc::Status CredentialRpc::ListCredentials(ServerContext* context,
                                            const v1::ListCredentialsRequest* request,
                                            v1::ListCredentialsResponse* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return credentials_.List(caller, *request); });
}

grpc::Status CredentialRpc::UpdateCredential(ServerContext* context,
                                             const v1::UpdateCredentialRequest* request,
                                             v1::Credential* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return credentials_.Update(caller, *request); });
}

grpc::Status CredentialRpc::DeleteCredential(ServerContext* context,
                                             const v1::DeleteCredentialRequest* request,
                                             google::protobuf::Empty* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return credentials_.Delete(caller, *request); });
}

}  // namespace stackyard::stacks
