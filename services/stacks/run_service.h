// Runs over gRPC.
#pragma once

#include "services/stacks/run_views.h"
#include "services/stacks/watch_hub.h"
#include "stackyard/v1/runs.grpc.pb.h"

namespace stackyard::stacks {

class RunRpc final : public v1::RunService::WithCallbackMethod_WatchRun<
                         v1::RunService::WithCallbackMethod_TailLog<v1::RunService::Service>> {
 public:
  RunRpc(RunViews& runs, Store& store, WatchHub& hub) : runs_(runs), store_(store), hub_(hub) {}

  grpc::Status GetRun(grpc::ServerContext* context, const v1::GetRunRequest* request,
                      v1::Run* response) override;
  grpc::Status ListRuns(grpc::ServerContext* context, const v1::ListRunsRequest* request,
                        v1::ListRunsResponse* response) override;
  grpc::Status CancelRun(grpc::ServerContext* context, const v1::CancelRunRequest* request,
                         v1::Run* response) override;
  grpc::Status ListRunEvents(grpc::ServerContext* context, const v1::ListRunEventsRequest* request,
                             v1::ListRunEventsResponse* response) override;
  grpc::Status ReadLog(grpc::ServerContext* context, const v1::ReadLogRequest* request,
                       v1::ReadLogResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchRunResponse>* WatchRun(
      grpc::CallbackServerContext* context, const v1::WatchRunRequest* request) override;
  grpc::ServerWriteReactor<v1::TailLogResponse>* TailLog(
      grpc::CallbackServerContext* context, const v1::TailLogRequest* request) override;

 private:
  RunViews& runs_;
  Store& store_;
  WatchHub& hub_;
};

}  // namespace stackyard::stacks
