// Credentials over gRPC.
#pragma once

#include "services/stacks/credentials.h"
#include "stackyard/v1/credentials.grpc.pb.h"

namespace stackyard::stacks {

class CredentialRpc final : public v1::CredentialService::Service {
 public:
  explicit CredentialRpc(Credentials& credentials) : credentials_(credentials) {}

  grpc::Status CreateCredential(grpc::ServerContext* context,
                                const v1::CreateCredentialRequest* request,
                                v1::Credential* response) override;
  grpc::Status GetCredential(grpc::ServerContext* context, const v1::GetCredentialRequest* request,
                             v1::Credential* response) override;
  grpc::Status ListCredentials(grpc::ServerContext* context,
                               const v1::ListCredentialsRequest* request,
                               v1::ListCredentialsResponse* response) override;
  grpc::Status UpdateCredential(grpc::ServerContext* context,
                                const v1::UpdateCredentialRequest* request,
                                v1::Credential* response) override;
  grpc::Status DeleteCredential(grpc::ServerContext* context,
                                const v1::DeleteCredentialRequest* request,
                                google::protobuf::Empty* response) override;

 private:
  Credentials& credentials_;
};

}  // namespace stackyard::stacks
