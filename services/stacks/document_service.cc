#include "services/stacks/document_service.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/handler.h"
#include "common/proto_time.h"
#include "common/status_macros.h"

namespace stackyard::stacks {

using google::api::HttpBody;
using grpc::ServerContext;

grpc::Status DocumentRpc::PutDocument(ServerContext* context, const v1::PutDocumentRequest* request,
                                      v1::Document* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return documents_.Put(caller, *request); });
}

grpc::Status DocumentRpc::UpdateDocument(ServerContext* context,
                                         const v1::UpdateDocumentRequest* request,
                                         v1::Document* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return documents_.Update(caller, *request); });
}

grpc::Status DocumentRpc::GetDocument(ServerContext* context, const v1::GetDocumentRequest* request,
                                      v1::Document* response) {
  return Handle(context, response, [&](const Principal&) { return documents_.Get(*request); });
}

grpc::Status DocumentRpc::ReadDocument(ServerContext* context,
                                       const v1::ReadDocumentRequest* request, HttpBody* response) {
  return Handle(context, response,
                [&](const Principal&) { return ToBody(*context, documents_.Read(*request)); });
}

grpc::Status DocumentRpc::ReadPublicDocument(ServerContext* context,
                                             const v1::ReadPublicDocumentRequest* request,
                                             HttpBody* response) {
  return Handle(context, response, [&](const Principal&) {
    return ToBody(*context, documents_.ReadPublic(*request));
  });
}

grpc::Status DocumentRpc::ListDocuments(ServerContext* context,
                                        const v1::ListDocumentsRequest* request,
                                        v1::ListDocumentsResponse* response) {
  return Handle(context, response, [&](const Principal&) { return documents_.List(*request); });
}

grpc::Status DocumentRpc::DeleteDocument(ServerContext* context,
                                         const v1::DeleteDocumentRequest* request,
                                         google::protobuf::Empty* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return documents_.Delete(caller, *request); });
}

absl::StatusOr<HttpBody> DocumentRpc::ToBody(ServerContext& context,
                                             absl::StatusOr<Documents::Content> content) const {
  RETURN_IF_ERROR(content.status());
  const v1::Document& document = content->document;
  context.AddInitialMetadata("etag", absl::StrCat("\"", document.digest(), "\""));
  context.AddInitialMetadata("cache-control",
                             document.public_()
                                 ? absl::StrCat("public, max-age=", absl::ToInt64Seconds(max_age_))
                                 : "no-store");
  context.AddInitialMetadata(
      "last-modified", absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT",
                                        FromProto(document.update_time()), absl::UTCTimeZone()));
  HttpBody body;
  body.set_content_type("application/json");
  body.set_data(std::move(content->bytes));
  return body;
}

}  // namespace stackyard::stacks
