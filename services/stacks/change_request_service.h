// Change requests over gRPC.
#pragma once

#include "services/stacks/quota_requests.h"
#include "services/stacks/reviews.h"
#include "stackyard/v1/change_requests.grpc.pb.h"

namespace stackyard::stacks {

class ChangeRequestRpc final : public v1::ChangeRequestService::Service {
 public:
  ChangeRequestRpc(Reviews& reviews, QuotaRequests& quota_requests)
      : reviews_(reviews), quota_requests_(quota_requests) {}

  grpc::Status GetChangeRequest(grpc::ServerContext* context,
                                const v1::GetChangeRequestRequest* request,
                                v1::ChangeRequest* response) override;
  grpc::Status ListChangeRequests(grpc::ServerContext* context,
                                  const v1::ListChangeRequestsRequest* request,
                                  v1::ListChangeRequestsResponse* response) override;
  grpc::Status CreateQuotaRequest(grpc::ServerContext* context,
                                  const v1::CreateQuotaRequestRequest* request,
                                  v1::ChangeRequest* response) override;
  grpc::Status ApproveChangeRequest(grpc::ServerContext* context,
                                    const v1::ApproveChangeRequestRequest* request,
                                    v1::ChangeRequest* response) override;
  grpc::Status RejectChangeRequest(grpc::ServerContext* context,
                                   const v1::RejectChangeRequestRequest* request,
                                   v1::ChangeRequest* response) override;
  grpc::Status WithdrawChangeRequest(grpc::ServerContext* context,
                                     const v1::WithdrawChangeRequestRequest* request,
                                     v1::ChangeRequest* response) override;
  grpc::Status CommentChangeRequest(grpc::ServerContext* context,
                                    const v1::CommentChangeRequestRequest* request,
                                    v1::ChangeRequest* response) override;

 private:
  Reviews& reviews_;
  QuotaRequests& quota_requests_;
};

}  // namespace stackyard::stacks
