// Stacks over gRPC.
#pragma once

#include "services/stacks/drift.h"
#include "services/stacks/extensions.h"
#include "services/stacks/imports.h"
#include "services/stacks/previews.h"
#include "services/stacks/stack_files.h"
#include "services/stacks/stack_manager.h"
#include "services/stacks/stack_reads.h"
#include "services/stacks/watch_hub.h"
#include "stackyard/v1/stacks.grpc.pb.h"

namespace stackyard::stacks {

// Unary calls touch SQL and are served by threads; watches are long, and GetStack is most often
// answered from memory: those are served by callbacks.
class StackRpc final
    : public v1::StackService::WithRawCallbackMethod_GetStack<
          v1::StackService::WithCallbackMethod_WatchStack<v1::StackService::Service>> {
 public:
  StackRpc(StackManager& stacks, StackReads& gets, Previews& previews, DriftChecks& drift,
           Imports& imports, Extensions& extensions, StackFiles& files, Store& store, WatchHub& hub)
      : stacks_(stacks),
        gets_(gets),
        previews_(previews),
        drift_(drift),
        imports_(imports),
        extensions_(extensions),
        files_(files),
        store_(store),
        hub_(hub),
        reads_(hub) {}

  grpc::Status CreateStack(grpc::ServerContext* context, const v1::CreateStackRequest* request,
                           google::longrunning::Operation* response) override;
  grpc::ServerUnaryReactor* GetStack(grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* request,
                                     grpc::ByteBuffer* response) override;
  grpc::Status ListStacks(grpc::ServerContext* context, const v1::ListStacksRequest* request,
                          v1::ListStacksResponse* response) override;
  grpc::Status UpdateStack(grpc::ServerContext* context, const v1::UpdateStackRequest* request,
                           google::longrunning::Operation* response) override;
  grpc::Status DeleteStack(grpc::ServerContext* context, const v1::DeleteStackRequest* request,
                           google::longrunning::Operation* response) override;
  grpc::Status RollbackStack(grpc::ServerContext* context, const v1::RollbackStackRequest* request,
                             google::longrunning::Operation* response) override;
  grpc::Status RetryStack(grpc::ServerContext* context, const v1::RetryStackRequest* request,
                          google::longrunning::Operation* response) override;
  grpc::Status PreviewStack(grpc::ServerContext* context, const v1::PreviewStackRequest* request,
                            google::longrunning::Operation* response) override;
  grpc::Status CheckDrift(grpc::ServerContext* context, const v1::CheckDriftRequest* request,
                          google::longrunning::Operation* response) override;
  grpc::Status RepairDrift(grpc::ServerContext* context, const v1::RepairDriftRequest* request,
                           google::longrunning::Operation* response) override;
  grpc::Status ImportStack(grpc::ServerContext* context, const v1::ImportStackRequest* request,
                           google::longrunning::Operation* response) override;
  grpc::Status ExtendStack(grpc::ServerContext* context, const v1::ExtendStackRequest* request,
                           v1::Stack* response) override;
  grpc::Status GetRevision(grpc::ServerContext* context, const v1::GetRevisionRequest* request,
                           v1::Revision* response) override;
  grpc::Status ListRevisions(grpc::ServerContext* context, const v1::ListRevisionsRequest* request,
                             v1::ListRevisionsResponse* response) override;
  grpc::Status GetResource(grpc::ServerContext* context, const v1::GetResourceRequest* request,
                           v1::Resource* response) override;
  grpc::Status ListResources(grpc::ServerContext* context, const v1::ListResourcesRequest* request,
                             v1::ListResourcesResponse* response) override;
  grpc::Status RevealOutputs(grpc::ServerContext* context, const v1::RevealOutputsRequest* request,
                             v1::RevealOutputsResponse* response) override;
  grpc::Status DownloadFile(grpc::ServerContext* context, const v1::DownloadFileRequest* request,
                            google::api::HttpBody* response) override;
  grpc::ServerWriteReactor<v1::WatchStackResponse>* WatchStack(
      grpc::CallbackServerContext* context, const v1::WatchStackRequest* request) override;

 private:
  StackManager& stacks_;
  StackReads& gets_;
  Previews& previews_;
  DriftChecks& drift_;
  Imports& imports_;
  Extensions& extensions_;
  StackFiles& files_;
  Store& store_;
  WatchHub& hub_;
  SharedReads<StackRecord> reads_;
};

}  // namespace stackyard::stacks
