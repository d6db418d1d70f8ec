#include "services/stacks/state_service.h"

#include "common/handler.h"

namespace stackyard::stacks {

using grpc::ServerContext;

grpc::Status StateRpc::GetStateVersion(ServerContext* context,
                                       const v1::GetStateVersionRequest* request,
                                       v1::StateVersion* response) {
  return Handle(context, response, [&](const Principal& caller) { return states_.Get(*request); });
}

grpc::Status StateRpc::ListStateVersions(ServerContext* context,
                                         const v1::ListStateVersionsRequest* request,
                                         v1::ListStateVersionsResponse* response) {
  return Handle(context, response, [&](const Principal& caller) { return states_.List(*request); });
}

grpc::Status StateRpc::DownloadState(ServerContext* context,
                                     const v1::DownloadStateRequest* request,
                                     v1::DownloadStateResponse* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return states_.Download(caller, *request); });
}

grpc::Status StateRpc::WriteState(ServerContext* context, const v1::WriteStateRequest* request,
                                  v1::StateVersion* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return edits_.Write(caller, *request); });
}

grpc::Status StateRpc::RollbackState(ServerContext* context,
                                     const v1::RollbackStateRequest* request,
                                     v1::StateVersion* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return edits_.Rollback(caller, *request); });
}

grpc::Status StateRpc::GetStateLock(ServerContext* context, const v1::GetStateLockRequest* request,
                                    v1::StateLock* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return edits_.GetLock(*request); });
}

grpc::Status StateRpc::LockState(ServerContext* context, const v1::LockStateRequest* request,
                                 v1::StateLock* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return edits_.Lock(caller, *request); });
}

grpc::Status StateRpc::UnlockState(ServerContext* context, const v1::UnlockStateRequest* request,
                                   v1::StateLock* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return edits_.Unlock(caller, *request); });
}

grpc::Status StateRpc::ForceUnlockState(ServerContext* context,
                                        const v1::ForceUnlockStateRequest* request,
                                        v1::StateLock* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return edits_.ForceUnlock(caller, *request); });
}

}  // namespace stackyard::stacks
