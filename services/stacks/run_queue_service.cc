#include "services/stacks/run_queue_service.h"

#include <algorithm>

#include "common/grpc_status.h"
#include "common/handler.h"
#include "common/status.h"

namespace stackyard::stacks {
namespace {

constexpr size_t kChunkBytes = 1 << 20;
// A plan of thousands of resources is a few MiB.
constexpr size_t kMostBlobBytes = 256 << 20;

}  // namespace

grpc::Status RunQueueRpc::AcquireRuns(grpc::ServerContext* context,
                                      const internal::v1::AcquireRunsRequest* request,
                                      internal::v1::AcquireRunsResponse* response) {
  return Answer(queue_.Acquire(*request, [&] { return context->IsCancelled(); }), response);
}

grpc::Status RunQueueRpc::Heartbeat(grpc::ServerContext* context,
                                    const internal::v1::HeartbeatRequest* request,
                                    internal::v1::HeartbeatResponse* response) {
  return Answer(queue_.Heartbeat(*request), response);
}

grpc::Status RunQueueRpc::ReportRun(grpc::ServerContext* context,
                                    const internal::v1::ReportRunRequest* request,
                                    internal::v1::ReportRunResponse* response) {
  const RequestScope scope = TraceOf(*context);
  return Answer(queue_.Report(*request), response);
}

grpc::Status RunQueueRpc::SaveState(grpc::ServerContext* context,
                                    const internal::v1::SaveStateRequest* request,
                                    internal::v1::SaveStateResponse* response) {
  const RequestScope scope = TraceOf(*context);
  return Answer(queue_.SaveState(*request), response);
}

grpc::Status RunQueueRpc::SalvageState(grpc::ServerContext* context,
                                       const internal::v1::SalvageStateRequest* request,
                                       internal::v1::SalvageStateResponse* response) {
  const RequestScope scope = TraceOf(*context);
  return Answer(salvage_.Take(*request), response);
}

grpc::Status RunQueueRpc::CompleteRun(grpc::ServerContext* context,
                                      const internal::v1::CompleteRunRequest* request,
                                      internal::v1::CompleteRunResponse* response) {
  const RequestScope scope = TraceOf(*context);
  return Answer(queue_.Complete(*request), response);
}

grpc::Status RunQueueRpc::ReadBlob(grpc::ServerContext* context,
                                   const internal::v1::ReadBlobRequest* request,
                                   grpc::ServerWriter<internal::v1::ReadBlobResponse>* writer) {
  const auto data = blobs_.Get(request->digest());
  if (!data.ok()) return ToGrpc(data.status());
  for (size_t offset = 0; offset < data->size(); offset += kChunkBytes) {
    internal::v1::ReadBlobResponse response;
    response.set_chunk(data->substr(offset, kChunkBytes));
    if (!writer->Write(response)) return grpc::Status::CANCELLED;
  }
  return grpc::Status::OK;
}

grpc::Status RunQueueRpc::WriteBlob(grpc::ServerContext* context,
                                    grpc::ServerReader<internal::v1::WriteBlobRequest>* reader,
                                    internal::v1::WriteBlobResponse* response) {
  std::string data;
  internal::v1::WriteBlobRequest request;
  while (reader->Read(&request)) {
    if (data.size() + request.chunk().size() > kMostBlobBytes) {
      return ToGrpc(InvalidField("chunk", "a blob has at most 256 MiB"));
    }
    data += request.chunk();
  }
  // Half a blob must not become one.
  if (context->IsCancelled()) return grpc::Status::CANCELLED;
  auto digest = blobs_.Put(data);
  if (!digest.ok()) return ToGrpc(digest.status());
  response->set_digest(*std::move(digest));
  return grpc::Status::OK;
}

}  // namespace stackyard::stacks
