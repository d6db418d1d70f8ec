// Terraform states over gRPC.
#pragma once

#include "services/stacks/state_views.h"
#include "stackyard/v1/state_versions.grpc.pb.h"

namespace stackyard::stacks {

class StateRpc final : public v1::StateService::Service {
 public:
  explicit StateRpc(StateViews& states) : states_(states) {}

  grpc::Status GetStateVersion(grpc::ServerContext* context,
                               const v1::GetStateVersionRequest* request,
                               v1::StateVersion* response) override;
  grpc::Status ListStateVersions(grpc::ServerContext* context,
                                 const v1::ListStateVersionsRequest* request,
                                 v1::ListStateVersionsResponse* response) override;
  grpc::Status DownloadState(grpc::ServerContext* context, const v1::DownloadStateRequest* request,
                             v1::DownloadStateResponse* response) override;

 private:
  StateViews& states_;
};

}  // namespace stackyard::stacks
