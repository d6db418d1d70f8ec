#include "services/stacks/document_store.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/resource_name.h"
#include "common/status.h"

namespace stackyard::stacks {
namespace {

constexpr size_t kLongestId = 63;

bool IsDocumentId(std::string_view id) {
  const auto plain = [](char c) { return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'z'); };
  return !id.empty() && id.size() <= kLongestId && plain(id[0]) &&
         std::all_of(id.begin(), id.end(),
                     [&](char c) { return plain(c) || c == '.' || c == '_' || c == '-'; });
}

absl::StatusOr<DocumentRow> ReadDocument(soci::session& sql, const std::string& id,
                                         std::string_view lock) {
  DocumentRow row;
  std::string body;
  sql << absl::StrCat("SELECT stack_uid, pending, body FROM documents WHERE id = :id",
                      std::string(lock)),
      soci::use(id), soci::into(row.stack_uid), soci::into(row.pending), soci::into(body);
  if (!sql.got_data()) return NotFound(DocumentName(id));
  ASSIGN_OR_RETURN(row.document, Unpacked<v1::Document>(body));
  return row;
}

}  // namespace

absl::StatusOr<std::string> ParseDocumentName(std::string_view field, const std::string& name) {
  ASSIGN_OR_RETURN(auto parts, ParseName(field, name, "documents/*"));
  if (IsDocumentId(parts[0])) return std::move(parts[0]);
  return InvalidField(field,
                      "must be documents/{document}, with 1 to 63 of a-z, 0-9, ., _ and -, "
                      "starting with a letter or digit");
}

std::string DocumentName(const std::string& id) { return absl::StrCat("documents/", id); }

void LockDocuments(Change& change) { NextNumber(change, "documents"); }

absl::StatusOr<DocumentRow> FindDocument(soci::session& sql, const std::string& id) {
  return ReadDocument(sql, id, "");
}

absl::StatusOr<DocumentRow> LockDocument(Change& change, const std::string& id) {
  return ReadDocument(change.sql, id, change.db.ForUpdate());
}

absl::Status SaveDocument(Change& change, const DocumentRow& row) {
  ASSIGN_OR_RETURN(const std::string id, ParseDocumentName("name", row.document.name()));
  const std::string digest = row.document.digest();
  const std::string body = Pack(row.document);
  change.sql << "INSERT INTO documents (id, stack_uid, digest, pending, body) "
                "VALUES (:id, :stack, :digest, :pending, :body) ON CONFLICT (id) DO UPDATE SET "
                "stack_uid = excluded.stack_uid, digest = excluded.digest, "
                "pending = excluded.pending, body = excluded.body",
      soci::use(id), soci::use(row.stack_uid), soci::use(digest), soci::use(row.pending),
      soci::use(body);
  change.touched.names.insert(row.document.name());
  return absl::OkStatus();
}

void DropDocument(Change& change, const std::string& id) {
  change.sql << "DELETE FROM documents WHERE id = :id", soci::use(id);
  change.touched.names.insert(DocumentName(id));
}

void DropDocumentsOf(Change& change, const std::string& stack_uid) {
  change.sql << "DELETE FROM documents WHERE stack_uid = :uid", soci::use(stack_uid);
}

int DropDocumentsOfNoStack(Change& change) {
  soci::statement drop =
      (change.sql.prepare << "DELETE FROM documents WHERE stack_uid <> '' AND NOT EXISTS (SELECT 1 "
                             "FROM stacks WHERE uid = documents.stack_uid AND holds_name = 1)");
  drop.execute(true);
  return static_cast<int>(drop.get_affected_rows());
}

void SetPending(Change& change, const std::string& stack_uid, const std::string& state_digest) {
  change.sql << "UPDATE documents SET pending = :digest WHERE stack_uid = :uid",
      soci::use(state_digest), soci::use(stack_uid);
  change.touched.tasks = true;
}

std::vector<std::string> PendingDocuments(soci::session& sql) {
  const soci::rowset<std::string> ids =
      (sql.prepare << "SELECT id FROM documents WHERE pending <> '' ORDER BY id");
  return {ids.begin(), ids.end()};
}

bool IsContent(soci::session& sql, const std::string& digest) {
  int count = 0;
  sql << "SELECT COUNT(*) FROM documents WHERE digest = :digest", soci::use(digest),
      soci::into(count);
  return count > 0;
}

absl::StatusOr<Rows<v1::Document>> ListDocuments(
    soci::session& sql, const Page& page, const std::function<bool(const v1::Document&)>& accept) {
  return ReadRows<v1::Document>(
      page,
      [&](const std::string& after, int limit, std::vector<std::string>& keys,
          std::vector<std::string>& bodies) {
        sql << "SELECT id, body FROM documents WHERE id > :after AND digest <> '' ORDER BY id "
               "LIMIT :limit",
            soci::use(after), soci::use(limit), soci::into(keys), soci::into(bodies);
      },
      accept);
}

}  // namespace stackyard::stacks
