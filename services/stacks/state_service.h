// Terraform states over gRPC.
#pragma once

#include "services/stacks/state_edits.h"
#include "services/stacks/state_views.h"
#include "stackyard/v1/state_versions.grpc.pb.h"

namespace stackyard::stacks {

class StateRpc final : public v1::StateService::Service {
 public:
  StateRpc(StateViews& states, StateEdits& edits) : states_(states), edits_(edits) {}

  grpc::Status GetStateVersion(grpc::ServerContext* context,
                               const v1::GetStateVersionRequest* request,
                               v1::StateVersion* response) override;
  grpc::Status ListStateVersions(grpc::ServerContext* context,
                                 const v1::ListStateVersionsRequest* request,
                                 v1::ListStateVersionsResponse* response) override;
  grpc::Status DownloadState(grpc::ServerContext* context, const v1::DownloadStateRequest* request,
                             v1::DownloadStateResponse* response) override;
  grpc::Status WriteState(grpc::ServerContext* context, const v1::WriteStateRequest* request,
                          v1::StateVersion* response) override;
  grpc::Status RollbackState(grpc::ServerContext* context, const v1::RollbackStateRequest* request,
                             v1::StateVersion* response) override;
  grpc::Status GetStateLock(grpc::ServerContext* context, const v1::GetStateLockRequest* request,
                            v1::StateLock* response) override;
  grpc::Status LockState(grpc::ServerContext* context, const v1::LockStateRequest* request,
                         v1::StateLock* response) override;
  grpc::Status UnlockState(grpc::ServerContext* context, const v1::UnlockStateRequest* request,
                           v1::StateLock* response) override;
  grpc::Status ForceUnlockState(grpc::ServerContext* context,
                                const v1::ForceUnlockStateRequest* request,
                                v1::StateLock* response) override;

 private:
  StateViews& states_;
  StateEdits& edits_;
};

}  // namespace stackyard::stacks
