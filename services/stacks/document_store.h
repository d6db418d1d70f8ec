// Rows of documents. Their content is in the object store, by digest: it is written first, and what
// no row names is swept away.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "services/stacks/change.h"
#include "services/stacks/rows.h"
#include "stackyard/v1/documents.pb.h"

namespace stackyard::stacks {

struct DocumentRow {
  // As it is shown, without its content. Without a digest there is no content yet: the name is kept
  // for the stack.
  v1::Document document;
  // Stack that publishes it; empty: none.
  std::string stack_uid;
  // Digest of the state whose outputs are to be published; empty: none is.
  std::string pending;
};

// `documents/{id}` to the id, which is 1 to 63 of a-z, 0-9, `.`, `_` and `-`, starting with a
// letter or digit. INVALID_FIELD on `field`.
absl::StatusOr<std::string> ParseDocumentName(std::string_view field, const std::string& name);
std::string DocumentName(const std::string& id);

// Keeps others from making documents until the transaction ends, so that a name that was free stays
// so.
void LockDocuments(Change& change);

// Also of a name that is only kept for a stack. RESOURCE_NOT_FOUND.
absl::StatusOr<DocumentRow> FindDocument(soci::session& sql, const std::string& id);
// The same, with the row locked for the rest of the transaction.
absl::StatusOr<DocumentRow> LockDocument(Change& change, const std::string& id);

// Makes or changes a document.
absl::Status SaveDocument(Change& change, const DocumentRow& row);
void DropDocument(Change& change, const std::string& id);
// Those that a stack publishes.
void DropDocumentsOf(Change& change, const std::string& stack_uid);
// Those of stacks that are gone: an older replica ends a stack and knows nothing of its document.
// Answers how many.
int DropDocumentsOfNoStack(Change& change);
// The state that a stack's document is to be written from.
void SetPending(Change& change, const std::string& stack_uid, const std::string& state_digest);
// Ids of documents that are to be written.
std::vector<std::string> PendingDocuments(soci::session& sql);
// Whether a document has this content.
bool IsContent(soci::session& sql, const std::string& digest);

// Documents with content, by name.
absl::StatusOr<Rows<v1::Document>> ListDocuments(
    soci::session& sql, const Page& page, const std::function<bool(const v1::Document&)>& accept);

}  // namespace stackyard::stacks
