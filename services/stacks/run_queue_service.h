// The run queue over gRPC, for runners.
#pragma once

#include "common/blob_store.h"
#include "services/stacks/run_queue.h"
#include "services/stacks/salvage.h"
#include "stackyard/internal/v1/run_queue.grpc.pb.h"

namespace stackyard::stacks {

class RunQueueRpc final : public internal::v1::RunQueueService::Service {
 public:
  RunQueueRpc(RunQueue& queue, Salvage& salvage, BlobStore& blobs)
      : queue_(queue), salvage_(salvage), blobs_(blobs) {}

  grpc::Status AcquireRuns(grpc::ServerContext* context,
                           const internal::v1::AcquireRunsRequest* request,
                           internal::v1::AcquireRunsResponse* response) override;
  grpc::Status Heartbeat(grpc::ServerContext* context,
                         const internal::v1::HeartbeatRequest* request,
                         internal::v1::HeartbeatResponse* response) override;
  grpc::Status ReportRun(grpc::ServerContext* context,
                         const internal::v1::ReportRunRequest* request,
                         internal::v1::ReportRunResponse* response) override;
  grpc::Status SaveState(grpc::ServerContext* context,
                         const internal::v1::SaveStateRequest* request,
                         internal::v1::SaveStateResponse* response) override;
  grpc::Status SalvageState(grpc::ServerContext* context,
                            const internal::v1::SalvageStateRequest* request,
                            internal::v1::SalvageStateResponse* response) override;
  grpc::Status CompleteRun(grpc::ServerContext* context,
                           const internal::v1::CompleteRunRequest* request,
                           internal::v1::CompleteRunResponse* response) override;
  grpc::Status ReadBlob(grpc::ServerContext* context, const internal::v1::ReadBlobRequest* request,
                        grpc::ServerWriter<internal::v1::ReadBlobResponse>* writer) override;
  grpc::Status WriteBlob(grpc::ServerContext* context,
                         grpc::ServerReader<internal::v1::WriteBlobRequest>* reader,
                         internal::v1::WriteBlobResponse* response) override;

 private:
  RunQueue& queue_;
  Salvage& salvage_;
  BlobStore& blobs_;
};

}  // namespace stackyard::stacks
