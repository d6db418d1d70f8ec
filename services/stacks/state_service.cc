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

}  // namespace stackyard::stacks
