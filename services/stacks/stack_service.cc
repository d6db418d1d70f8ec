#include "services/stacks/stack_service.h"

#include "common/handler.h"

namespace stackyard::stacks {

using google::longrunning::Operation;
using grpc::ServerContext;

namespace {

// The name that a GetStackRequest asks for. INVALID_FIELD when it is none.
absl::StatusOr<std::string> NameIn(const grpc::ByteBuffer& bytes) {
  v1::GetStackRequest request;
  grpc::Slice slice;
  if (!bytes.TrySingleSlice(&slice).ok() && !bytes.DumpToSingleSlice(&slice).ok()) {
    return InvalidField("name", "cannot be read");
  }
  if (!request.ParseFromArray(slice.begin(), static_cast<int>(slice.size()))) {
    return InvalidField("name", "cannot be read");
  }
  return std::move(*request.mutable_name());
}

grpc::Status AnswerBytesOf(const absl::StatusOr<AnswerBytes>& answer, grpc::ByteBuffer* response) {
  if (!answer.ok()) return ToGrpc(answer.status());
  const grpc::Slice slice(**answer);
  *response = grpc::ByteBuffer(&slice, 1);
  return grpc::Status::OK;
}

}  // namespace

grpc::Status StackRpc::CreateStack(ServerContext* context, const v1::CreateStackRequest* request,
                                   Operation* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return stacks_.Create(caller, *request); });
}

grpc::ServerUnaryReactor* StackRpc::GetStack(grpc::CallbackServerContext* context,
                                             const grpc::ByteBuffer* request,
                                             grpc::ByteBuffer* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  const absl::StatusOr<Principal> caller = CallerOf(*context);
  const absl::StatusOr<std::string> name =
      caller.ok() ? NameIn(*request) : absl::StatusOr<std::string>(caller.status());
  if (!name.ok()) {
    reactor->Finish(ToGrpc(name.status()));
    return reactor;
  }
  if (const AnswerBytes kept = gets_.Remembered(*name)) {
    reactor->Finish(AnswerBytesOf(kept, response));
    return reactor;
  }
  gets_.Read(*name, [reactor, response, request_id = caller->request_id(),
                     trace = MetadataOf(*context, kTraceparentKey)](const auto& answer) {
    const RequestScope scope(request_id, trace);
    reactor->Finish(AnswerBytesOf(answer, response));
  });
  return reactor;
}

grpc::Status StackRpc::ListStacks(ServerContext* context, const v1::ListStacksRequest* request,
                                  v1::ListStacksResponse* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return stacks_.List(caller, *request); });
}

grpc::Status StackRpc::UpdateStack(ServerContext* context, const v1::UpdateStackRequest* request,
                                   Operation* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return stacks_.Update(caller, *request); });
}

grpc::Status StackRpc::DeleteStack(ServerContext* context, const v1::DeleteStackRequest* request,
                                   Operation* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return stacks_.Delete(caller, *request); });
}

grpc::Status StackRpc::RollbackStack(ServerContext* context,
                                     const v1::RollbackStackRequest* request, Operation* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return stacks_.Rollback(caller, *request); });
}

grpc::Status StackRpc::RetryStack(ServerContext* context, const v1::RetryStackRequest* request,
                                  Operation* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return stacks_.Retry(caller, *request); });
}

grpc::Status StackRpc::PreviewStack(ServerContext* context, const v1::PreviewStackRequest* request,
                                    Operation* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return previews_.Start(caller, *request); });
}

grpc::Status StackRpc::CheckDrift(ServerContext* context, const v1::CheckDriftRequest* request,
                                  Operation* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return drift_.Check(caller, *request); });
}

grpc::Status StackRpc::RepairDrift(ServerContext* context, const v1::RepairDriftRequest* request,
                                   Operation* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return drift_.Repair(caller, *request); });
}

grpc::Status StackRpc::ImportStack(ServerContext* context, const v1::ImportStackRequest* request,
                                   Operation* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return imports_.Start(caller, *request); });
}

grpc::Status StackRpc::ExtendStack(ServerContext* context, const v1::ExtendStackRequest* request,
                                   v1::Stack* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return extensions_.Extend(caller, *request); });
}

grpc::Status StackRpc::GetRevision(ServerContext* context, const v1::GetRevisionRequest* request,
                                   v1::Revision* response) {
  return Handle(context, response, [&](const Principal&) { return stacks_.GetRevision(*request); });
}

grpc::Status StackRpc::ListRevisions(ServerContext* context,
                                     const v1::ListRevisionsRequest* request,
                                     v1::ListRevisionsResponse* response) {
  return Handle(context, response,
                [&](const Principal&) { return stacks_.ListRevisions(*request); });
}

grpc::Status StackRpc::GetResource(ServerContext* context, const v1::GetResourceRequest* request,
                                   v1::Resource* response) {
  return Handle(context, response, [&](const Principal&) { return stacks_.GetResource(*request); });
}

grpc::Status StackRpc::ListResources(ServerContext* context,
                                     const v1::ListResourcesRequest* request,
                                     v1::ListResourcesResponse* response) {
  return Handle(context, response,
                [&](const Principal&) { return stacks_.ListResources(*request); });
}

grpc::Status StackRpc::RevealOutputs(ServerContext* context,
                                     const v1::RevealOutputsRequest* request,
                                     v1::RevealOutputsResponse* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return stacks_.RevealOutputs(caller, *request); });
}

grpc::Status StackRpc::DownloadFile(ServerContext* context, const v1::DownloadFileRequest* request,
                                    google::api::HttpBody* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return files_.Download(caller, *request); });
}

grpc::ServerWriteReactor<v1::WatchStackResponse>* StackRpc::WatchStack(
    grpc::CallbackServerContext* context, const v1::WatchStackRequest* request) {
  const auto name = StackName::Parse("name", request->name());
  if (!name.ok()) return Refuse<v1::WatchStackResponse>(name.status());
  // The token is the etag of what was seen last.
  return new WatchStream<v1::WatchStackResponse>(
      hub_, name->ToString(),
      [this, name = *name,
       seen = request->resume_token()]() mutable -> absl::StatusOr<News<v1::WatchStackResponse>> {
        const auto& found = reads_.Read(name.ToString(), [&] {
          return store_.ReadValue<StackRecord>(
              [&](soci::session& sql) { return FindStack(sql, name); });
        });
        RETURN_IF_ERROR(found.status());
        const StackRecord& record = *found;
        News<v1::WatchStackResponse> news;
        news.last = record.stack().state() == v1::Stack::DESTROYED;
        if (record.stack().etag() == seen) return news;
        seen = record.stack().etag();
        auto& message = news.messages.emplace_back();
        *message.mutable_stack() = Show(record);
        message.set_resume_token(seen);
        return news;
      });
}

}  // namespace stackyard::stacks
