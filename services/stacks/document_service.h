// Documents over gRPC.
#pragma once

#include "absl/time/time.h"
#include "services/stacks/documents.h"
#include "stackyard/v1/documents.grpc.pb.h"

namespace stackyard::stacks {

// Reads tell caches what they need in the initial metadata `etag`, `cache-control` and
// `last-modified`, as HTTP writes them.
class DocumentRpc final : public v1::DocumentService::Service {
 public:
  // Caches may answer for a public document for `max_age`.
  DocumentRpc(Documents& documents, absl::Duration max_age)
      : documents_(documents), max_age_(max_age) {}

  grpc::Status PutDocument(grpc::ServerContext* context, const v1::PutDocumentRequest* request,
                           v1::Document* response) override;
  grpc::Status UpdateDocument(grpc::ServerContext* context,
                              const v1::UpdateDocumentRequest* request,
                              v1::Document* response) override;
  grpc::Status GetDocument(grpc::ServerContext* context, const v1::GetDocumentRequest* request,
                           v1::Document* response) override;
  grpc::Status ReadDocument(grpc::ServerContext* context, const v1::ReadDocumentRequest* request,
                            google::api::HttpBody* response) override;
  grpc::Status ReadPublicDocument(grpc::ServerContext* context,
                                  const v1::ReadPublicDocumentRequest* request,
                                  google::api::HttpBody* response) override;
  grpc::Status ListDocuments(grpc::ServerContext* context, const v1::ListDocumentsRequest* request,
                             v1::ListDocumentsResponse* response) override;
  grpc::Status DeleteDocument(grpc::ServerContext* context,
                              const v1::DeleteDocumentRequest* request,
                              google::protobuf::Empty* response) override;

 private:
  absl::StatusOr<google::api::HttpBody> ToBody(grpc::ServerContext& context,
                                               absl::StatusOr<Documents::Content> content) const;

  Documents& documents_;
  const absl::Duration max_age_;
};

}  // namespace stackyard::stacks
