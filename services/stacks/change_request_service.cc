#include "services/stacks/change_request_service.h"

#include "common/handler.h"

namespace stackyard::stacks {

using grpc::ServerContext;

grpc::Status ChangeRequestRpc::GetChangeRequest(ServerContext* context,
                                                const v1::GetChangeRequestRequest* request,
                                                v1::ChangeRequest* response) {
  return Handle(context, response, [&](const Principal& caller) { return reviews_.Get(*request); });
}

grpc::Status ChangeRequestRpc::ListChangeRequests(ServerContext* context,
                                                  const v1::ListChangeRequestsRequest* request,
                                                  v1::ListChangeRequestsResponse* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return reviews_.List(caller, *request); });
}

grpc::Status ChangeRequestRpc::CreateQuotaRequest(ServerContext* context,
                                                  const v1::CreateQuotaRequestRequest* request,
                                                  v1::ChangeRequest* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return quota_requests_.Create(caller, *request); });
}

grpc::Status ChangeRequestRpc::ApproveChangeRequest(ServerContext* context,
                                                    const v1::ApproveChangeRequestRequest* request,
                                                    v1::ChangeRequest* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return reviews_.Approve(caller, *request); });
}

grpc::Status ChangeRequestRpc::RejectChangeRequest(ServerContext* context,
                                                   const v1::RejectChangeRequestRequest* request,
                                                   v1::ChangeRequest* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return reviews_.Reject(caller, *request); });
}

grpc::Status ChangeRequestRpc::WithdrawChangeRequest(
    ServerContext* context, const v1::WithdrawChangeRequestRequest* request,
    v1::ChangeRequest* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return reviews_.Withdraw(caller, *request); });
}

grpc::Status ChangeRequestRpc::CommentChangeRequest(ServerContext* context,
                                                    const v1::CommentChangeRequestRequest* request,
                                                    v1::ChangeRequest* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return reviews_.Comment(caller, *request); });
}

}  // namespace stackyard::stacks
