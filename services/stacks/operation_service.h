// Operations over gRPC.
#pragma once

#include "services/stacks/operation_views.h"
#include "services/stacks/watch_hub.h"
#include "stackyard/v1/operations.grpc.pb.h"

namespace stackyard::stacks {

class OperationRpc final : public v1::OperationService::WithCallbackMethod_WatchOperation<
                               v1::OperationService::Service> {
 public:
  OperationRpc(OperationViews& operations, WatchHub& hub)
      : operations_(operations), hub_(hub), reads_(hub) {}

  grpc::Status GetOperation(grpc::ServerContext* context, const v1::GetOperationRequest* request,
                            google::longrunning::Operation* response) override;
  grpc::Status ListOperations(grpc::ServerContext* context,
                              const v1::ListOperationsRequest* request,
                              v1::ListOperationsResponse* response) override;
  grpc::Status WaitOperation(grpc::ServerContext* context, const v1::WaitOperationRequest* request,
                             google::longrunning::Operation* response) override;
  grpc::Status CancelOperation(grpc::ServerContext* context,
                               const v1::CancelOperationRequest* request,
                               google::longrunning::Operation* response) override;
  grpc::ServerWriteReactor<v1::WatchOperationResponse>* WatchOperation(
      grpc::CallbackServerContext* context, const v1::WatchOperationRequest* request) override;

 private:
  OperationViews& operations_;
  WatchHub& hub_;
  SharedReads<OperationRecord> reads_;
};

}  // namespace stackyard::stacks
