// Documents and published outputs in tests.
#pragma once

#include <memory>
#include <string>

#include "common/blob_place.h"
#include "services/stacks/document_store.h"
#include "services/stacks/documents.h"
#include "services/stacks/faulty_blob_store.h"
#include "services/stacks/publications.h"
#include "services/stacks/test_env.h"

namespace stackyard::stacks {

using v1::Document;

class DocumentsTestBase : public StacksTest {
 protected:
  void SetUp() override {
    StacksTest::SetUp();
    if (store_ == nullptr) return;
    below_ = *OpenBlobPlace(folder() + "/documents", clock_);
    contents_ = std::make_unique<FaultyBlobStore>(*below_);
    documents_ = std::make_unique<Documents>(*store_, *contents_);
    publisher_ = std::make_unique<Publisher>(*store_, *blobs_, *contents_);
  }

  absl::StatusOr<Document> Put(const std::string& id, const std::string& bytes,
                               const std::string& etag = "") {
    v1::PutDocumentRequest request;
    request.set_name("documents/" + id);
    request.mutable_content()->set_data(bytes);
    request.set_etag(etag);
    return documents_->Put(Dan(), request);
  }
  absl::StatusOr<Document> Get(const std::string& id) {
    v1::GetDocumentRequest request;
    request.set_name("documents/" + id);
    return documents_->Get(request);
  }
  // The bytes, or the reason of the error.
  std::string Read(const std::string& id) {
    v1::ReadDocumentRequest request;
    request.set_name("documents/" + id);
    const auto read = documents_->Read(request);
    return read.ok() ? read->bytes : v1::ErrorReason_Name(ReasonOf(read.status()));
  }
  std::string ReadPublic(const std::string& id) {
    v1::ReadPublicDocumentRequest request;
    request.set_document(id);
    const auto read = documents_->ReadPublic(request);
    return read.ok() ? read->bytes : v1::ErrorReason_Name(ReasonOf(read.status()));
  }
  absl::StatusOr<Document> Open(const std::string& id, bool is_public,
                                const std::string& etag = "") {
    v1::UpdateDocumentRequest request;
    request.mutable_document()->set_name("documents/" + id);
    request.mutable_document()->set_public_(is_public);
    request.mutable_document()->set_etag(etag);
    request.mutable_update_mask()->add_paths("public");
    return documents_->Update(Dan(), request);
  }
  absl::Status DeleteDocument(const std::string& id, const std::string& etag = "") {
    v1::DeleteDocumentRequest request;
    request.set_name("documents/" + id);
    request.set_etag(etag);
    return documents_->Delete(Dan(), request);
  }

  std::unique_ptr<BlobStore> below_;
  std::unique_ptr<FaultyBlobStore> contents_;
  std::unique_ptr<Documents> documents_;
  std::unique_ptr<Publisher> publisher_;
};

}  // namespace stackyard::stacks
