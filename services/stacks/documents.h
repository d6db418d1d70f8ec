// Documents, as users see them.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/blob_store.h"
#include "services/stacks/change.h"
#include "stackyard/v1/documents.pb.h"

namespace stackyard::stacks {

class Documents {
 public:
  // The bytes of a document, and the document without its content.
  struct Content {
    v1::Document document;
    std::string bytes;
  };

  // `contents` holds nothing but documents, by digest.
  Documents(Store& store, BlobStore& contents) : store_(store), contents_(contents) {}

  absl::StatusOr<v1::Document> Put(const Principal& caller, const v1::PutDocumentRequest& request);
  absl::StatusOr<v1::Document> Update(const Principal& caller,
                                      const v1::UpdateDocumentRequest& request);
  absl::StatusOr<v1::Document> Get(const v1::GetDocumentRequest& request);
  absl::StatusOr<Content> Read(const v1::ReadDocumentRequest& request);
  absl::StatusOr<Content> ReadPublic(const v1::ReadPublicDocumentRequest& request);
  absl::StatusOr<v1::ListDocumentsResponse> List(const v1::ListDocumentsRequest& request);
  absl::Status Delete(const Principal& caller, const v1::DeleteDocumentRequest& request);

  // Deletes documents of stacks that are gone, and contents that no document has, unless they were
  // written within `grace`. Answers how many contents.
  absl::StatusOr<int> Sweep(absl::Duration grace);

 private:
  absl::StatusOr<v1::Document> WithContent(v1::Document document);

  Store& store_;
  BlobStore& contents_;
};

}  // namespace stackyard::stacks
