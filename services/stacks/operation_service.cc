#include "services/stacks/operation_service.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/handler.h"
#include "common/status.h"

namespace stackyard::stacks {

using google::longrunning::Operation;
using grpc::ServerContext;

grpc::Status OperationRpc::GetOperation(ServerContext* context,
                                        const v1::GetOperationRequest* request,
                                        Operation* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return operations_.Get(caller, request->name()); });
}

grpc::Status OperationRpc::ListOperations(ServerContext* context,
                                          const v1::ListOperationsRequest* request,
                                          v1::ListOperationsResponse* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return operations_.List(caller, *request); });
}

grpc::Status OperationRpc::WaitOperation(ServerContext* context,
                                         const v1::WaitOperationRequest* request,
                                         Operation* response) {
  return Handle(context, response, [&](const Principal& caller) {
    return operations_.Wait(caller, *request, [&] { return context->IsCancelled(); });
  });
}

grpc::Status OperationRpc::CancelOperation(ServerContext* context,
                                           const v1::CancelOperationRequest* request,
                                           Operation* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return operations_.Cancel(caller, *request); });
}

grpc::ServerWriteReactor<v1::WatchOperationResponse>* OperationRpc::WatchOperation(
    grpc::CallbackServerContext* context, const v1::WatchOperationRequest* request) {
  const auto caller = CallerOf(*context);
  if (!caller.ok()) return Refuse<v1::WatchOperationResponse>(caller.status());
  // The token is the version of what was seen last.
  int64_t seen = 0;
  if (!request->resume_token().empty() && !absl::SimpleAtoi(request->resume_token(), &seen)) {
    return Refuse<v1::WatchOperationResponse>(
        InvalidField("resume_token", "is not one that this stream gave out"));
  }
  return new WatchStream<v1::WatchOperationResponse>(
      hub_, request->name(),
      [this, caller = *caller, name = request->name(),
       seen]() mutable -> absl::StatusOr<News<v1::WatchOperationResponse>> {
        // Read for each caller, since not all may see it.
        const auto& found = reads_.Read(absl::StrCat(caller.user(), " ", name),
                                        [&] { return operations_.Find(caller, name); });
        RETURN_IF_ERROR(found.status());
        const OperationRecord& record = *found;
        News<v1::WatchOperationResponse> news;
        news.last = record.operation().done();
        if (record.metadata().version() <= seen) return news;
        seen = record.metadata().version();
        auto& message = news.messages.emplace_back();
        *message.mutable_operation() = Show(record);
        message.set_resume_token(absl::StrCat(seen));
        return news;
      });
}

}  // namespace stackyard::stacks
