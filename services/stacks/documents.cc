#include "services/stacks/documents.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/id.h"
#include "common/json_object.h"
#include "common/log.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "services/stacks/document_store.h"
#include "services/stacks/events.h"
#include "services/stacks/labels.h"
#include "services/stacks/listing.h"

namespace stackyard::stacks {
namespace {

using v1::Document;

// Documents belong to no project: who wrote them is in the catalogue's log.
absl::Status Record(Change& change, const std::string& type, const std::string& name,
                    const std::string& message) {
  v1::Event event;
  event.set_type(absl::StrCat("document.", type));
  event.set_resource(name);
  event.set_message(message);
  return AppendEvent(change, kCatalogue, event);
}

// `*` asks only that there is one. The digest is the tag of the content by itself, as reading the
// bytes answers it.
absl::Status CheckTag(const std::string& sent, const Document& document) {
  const bool current = sent == "*" || (!sent.empty() && sent == document.digest());
  return current ? absl::OkStatus() : CheckEtag(sent, document.etag(), document.name());
}

// What a stack publishes is written by nobody else.
absl::Status CheckOwnerless(const DocumentRow& row) {
  if (row.stack_uid.empty()) return absl::OkStatus();
  return Error(v1::WRONG_STATE,
               absl::StrCat(row.document.name(), " is published by ", row.document.stack()),
               {{"resource", row.document.stack()}});
}

// The document that is there; the name alone may be kept for a stack.
absl::StatusOr<DocumentRow> FindWritten(soci::session& sql, const std::string& id) {
  ASSIGN_OR_RETURN(DocumentRow row, FindDocument(sql, id));
  if (row.document.digest().empty()) return NotFound(row.document.name());
  return row;
}

// The row that a Put starts from: the one that is there, or a new one. `fresh` tells which.
absl::StatusOr<DocumentRow> RowToPut(Change& change, const std::string& id, const std::string& etag,
                                     bool& fresh) {
  auto found = LockDocument(change, id);
  fresh = ReasonOf(found.status()) == v1::RESOURCE_NOT_FOUND;
  if (fresh) {
    DocumentRow row;
    row.document.set_name(DocumentName(id));
    *row.document.mutable_create_time() = ToProto(change.now);
    // No etag is that of a document that is not there.
    RETURN_IF_ERROR(CheckEtag(etag, "", row.document.name()));
    return row;
  }
  RETURN_IF_ERROR(found.status());
  RETURN_IF_ERROR(CheckOwnerless(*found));
  RETURN_IF_ERROR(CheckTag(etag, found->document));
  return found;
}

void Stamp(Change& change, Document& document) {
  document.set_etag(RandomId());
  *document.mutable_update_time() = ToProto(change.now);
}

}  // namespace

absl::StatusOr<Document> Documents::Put(const Principal& caller,
                                        const v1::PutDocumentRequest& request) {
  Violations violations;
  const auto id = ParseDocumentName("name", request.name());
  if (!id.ok()) violations.Add("name", "must be documents/{document}, of a-z, 0-9, ., _ and -");
  const std::string& bytes = request.content().data();
  const absl::Status valid = CheckJsonObject(bytes);
  if (!valid.ok()) violations.Add("content", std::string(valid.message()));
  RETURN_IF_ERROR(violations.ToStatus());
  // Before the row that names it: after a crash in between nobody names it, and it is swept away.
  std::string digest = Sha256Hex(bytes);
  if (!request.validate_only()) {
    ASSIGN_OR_RETURN(digest, contents_.Put(bytes));
  }
  Document shown;
  RETURN_IF_ERROR(store_.Write(ActorOf(caller), [&](Change& change) {
    shown.Clear();
    return Once(change, request.validate_only() ? "" : request.request_id(), "PutDocument", request,
                shown, [&]() -> absl::Status {
                  LockDocuments(change);
                  bool fresh = false;
                  ASSIGN_OR_RETURN(DocumentRow row, RowToPut(change, *id, request.etag(), fresh));
                  Document& document = row.document;
                  document.set_digest(digest);
                  document.set_size_bytes(static_cast<int64_t>(bytes.size()));
                  if (request.has_public_()) document.set_public_(request.public_());
                  Stamp(change, document);
                  shown = document;
                  if (request.validate_only()) return absl::OkStatus();
                  RETURN_IF_ERROR(SaveDocument(change, row));
                  return Record(change, fresh ? "created" : "updated", document.name(),
                                absl::StrCat("the document was written: ", bytes.size(), " bytes, ",
                                             document.public_() ? "public" : "not public"));
                });
  }));
  // Not kept with the request: it came with it.
  ASSIGN_OR_RETURN(*shown.mutable_content(), ToStruct(bytes));
  return shown;
}

absl::StatusOr<Document> Documents::Update(const Principal& caller,
                                           const v1::UpdateDocumentRequest& request) {
  const Document& sent = request.document();
  ASSIGN_OR_RETURN(const std::string id, ParseDocumentName("document.name", sent.name()));
  Document shown;
  RETURN_IF_ERROR(store_.Write(ActorOf(caller), [&](Change& change) {
    shown.Clear();
    return Once(change, request.validate_only() ? "" : request.request_id(), "UpdateDocument",
                request, shown, [&]() -> absl::Status {
                  ASSIGN_OR_RETURN(DocumentRow row, LockDocument(change, id));
                  Document& document = row.document;
                  if (document.digest().empty()) return NotFound(document.name());
                  RETURN_IF_ERROR(CheckTag(sent.etag(), document));
                  RETURN_IF_ERROR(ApplyMask(sent, request.update_mask(), {"public"}, document));
                  Stamp(change, document);
                  shown = document;
                  if (request.validate_only()) return absl::OkStatus();
                  RETURN_IF_ERROR(SaveDocument(change, row));
                  return Record(change, "updated", document.name(),
                                absl::StrCat("the document is ",
                                             document.public_() ? "public" : "not public"));
                });
  }));
  return WithContent(std::move(shown));
}

absl::StatusOr<Document> Documents::WithContent(Document document) {
  ASSIGN_OR_RETURN(const std::string bytes, contents_.Get(document.digest()));
  ASSIGN_OR_RETURN(*document.mutable_content(), ToStruct(bytes));
  return document;
}

absl::StatusOr<Document> Documents::Get(const v1::GetDocumentRequest& request) {
  ASSIGN_OR_RETURN(const std::string id, ParseDocumentName("name", request.name()));
  ASSIGN_OR_RETURN(DocumentRow row, store_.ReadValue<DocumentRow>(
                                        [&](soci::session& sql) { return FindWritten(sql, id); }));
  return WithContent(std::move(row.document));
}

absl::StatusOr<Documents::Content> Documents::Read(const v1::ReadDocumentRequest& request) {
  ASSIGN_OR_RETURN(const std::string id, ParseDocumentName("name", request.name()));
  ASSIGN_OR_RETURN(DocumentRow row, store_.ReadValue<DocumentRow>(
                                        [&](soci::session& sql) { return FindWritten(sql, id); }));
  ASSIGN_OR_RETURN(std::string bytes, contents_.Get(row.document.digest()));
  return Content{std::move(row.document), std::move(bytes)};
}

absl::StatusOr<Documents::Content> Documents::ReadPublic(
    const v1::ReadPublicDocumentRequest& request) {
  const std::string name = DocumentName(request.document());
  // What is no name is no document either, and strangers learn no rules.
  if (!ParseDocumentName("document", name).ok()) return NotFound(name);
  ASSIGN_OR_RETURN(DocumentRow row, store_.ReadValue<DocumentRow>([&](soci::session& sql) {
    return FindWritten(sql, request.document());
  }));
  if (!row.document.public_()) return NotFound(name);
  ASSIGN_OR_RETURN(std::string bytes, contents_.Get(row.document.digest()));
  return Content{std::move(row.document), std::move(bytes)};
}

absl::StatusOr<v1::ListDocumentsResponse> Documents::List(const v1::ListDocumentsRequest& request) {
  using Response = v1::ListDocumentsResponse;
  ASSIGN_OR_RETURN(const Listing listing,
                   ReadListing<Document>(request, "documents", request.order_by()));
  return store_.ReadValue<Response>([&](soci::session& sql) -> absl::StatusOr<Response> {
    ASSIGN_OR_RETURN(auto rows, ListDocuments(sql, listing.page, [&](const Document& document) {
                       return listing.filter.Matches(document);
                     }));
    Response response;
    for (Document& document : rows.items) *response.add_documents() = std::move(document);
    response.set_next_page_token(listing.Token(rows.next));
    return response;
  });
}

absl::Status Documents::Delete(const Principal& caller, const v1::DeleteDocumentRequest& request) {
  ASSIGN_OR_RETURN(const std::string id, ParseDocumentName("name", request.name()));
  return store_.Write(ActorOf(caller), [&](Change& change) {
    // Nothing is answered; the type says so.
    Document none;
    return Once(change, request.request_id(), "DeleteDocument", request, none,
                [&]() -> absl::Status {
                  ASSIGN_OR_RETURN(const DocumentRow row, LockDocument(change, id));
                  RETURN_IF_ERROR(CheckOwnerless(row));
                  RETURN_IF_ERROR(CheckTag(request.etag(), row.document));
                  DropDocument(change, id);
                  return Record(change, "deleted", request.name(), "the document was deleted");
                });
  });
}

absl::StatusOr<int> Documents::Sweep(absl::Duration grace) {
  ASSIGN_OR_RETURN(const int ownerless,
                   store_.WriteValue<int>(Actor(), [](Change& change) -> absl::StatusOr<int> {
                     return DropDocumentsOfNoStack(change);
                   }));
  if (ownerless > 0) LogInfo("documents of gone stacks were deleted", {{"count", ownerless}});
  const absl::Time old = store_.Now() - grace;
  ASSIGN_OR_RETURN(const std::vector<std::string> candidates, contents_.ListOlder(old));
  int deleted = 0;
  for (const std::string& digest : candidates) {
    // After the listing: who names an old content from now on puts it first, and makes it young.
    bool used = true;
    RETURN_IF_ERROR(store_.Read([&](soci::session& sql) {
      used = IsContent(sql, digest);
      return absl::OkStatus();
    }));
    if (used) continue;
    ASSIGN_OR_RETURN(const bool gone, contents_.DeleteOlder(digest, old));
    deleted += gone;
  }
  if (deleted > 0) LogInfo("contents of no document were deleted", {{"count", deleted}});
  return deleted;
}

}  // namespace stackyard::stacks
