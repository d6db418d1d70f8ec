#include "services/stacks/credential_store.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/resource_name.h"
#include "common/status.h"

namespace stackyard::stacks {
namespace {

struct Key {
  std::string project, id;
};

absl::StatusOr<Key> ParseKey(const std::string& name) {
  ASSIGN_OR_RETURN(auto parts, ParseName("name", name, "projects/*/credentials/*"));
  return Key{std::move(parts[0]), std::move(parts[1])};
}

}  // namespace

absl::Status LockCredentials(Change& change, const std::string& project) {
  std::string id;
  change.sql << absl::StrCat("SELECT id FROM projects WHERE id = :id",
                             std::string(change.db.ForUpdate())),
      soci::use(project), soci::into(id);
  return change.sql.got_data() ? absl::OkStatus() : NotFound(absl::StrCat("projects/", project));
}

absl::StatusOr<CredentialRecord> FindCredential(soci::session& sql, const std::string& name) {
  ASSIGN_OR_RETURN(const Key key, ParseKey(name));
  std::string body;
  sql << "SELECT body FROM credentials WHERE project = :project AND id = :id",
      soci::use(key.project), soci::use(key.id), soci::into(body);
  if (!sql.got_data()) return NotFound(name);
  return Unpacked<CredentialRecord>(body);
}

absl::Status SaveCredential(Change& change, const CredentialRecord& record) {
  ASSIGN_OR_RETURN(const Key key, ParseKey(record.credential().name()));
  const std::string body = Pack(record);
  change.sql << "INSERT INTO credentials (project, id, body) VALUES (:project, :id, :body) "
                "ON CONFLICT (project, id) DO UPDATE SET body = excluded.body",
      soci::use(key.project), soci::use(key.id), soci::use(body);
  return absl::OkStatus();
}

absl::Status DeleteCredential(Change& change, const std::string& name) {
  ASSIGN_OR_RETURN(const Key key, ParseKey(name));
  change.sql << "DELETE FROM credentials WHERE project = :project AND id = :id",
      soci::use(key.project), soci::use(key.id);
  return absl::OkStatus();
}

void DropCredentials(Change& change, const std::string& project) {
  change.sql << "DELETE FROM credentials WHERE project = :project", soci::use(project);
}

absl::StatusOr<Rows<CredentialRecord>> ListCredentials(
    soci::session& sql, const std::string& project, const Page& page,
    const std::function<bool(const CredentialRecord&)>& accept) {
  return ReadRows<CredentialRecord>(
      page,
      [&](const std::string& after, int limit, std::vector<std::string>& keys,
          std::vector<std::string>& bodies) {
        std::vector<std::string> parts = absl::StrSplit(after, '/');
        parts.resize(2);
        sql << "SELECT project || '/' || id, body FROM credentials "
               "WHERE (:any = '' OR project = :project) AND (project, id) > (:after, :after_id) "
               "ORDER BY project, id LIMIT :limit",
            soci::use(project), soci::use(project), soci::use(parts[0]), soci::use(parts[1]),
            soci::use(limit), soci::into(keys), soci::into(bodies);
      },
      accept);
}

absl::StatusOr<std::vector<CredentialRecord>> CredentialsOf(soci::session& sql,
                                                            const std::string& project) {
  Page page;
  page.size = 1000;
  ASSIGN_OR_RETURN(
      auto rows, ListCredentials(sql, project, page, [](const CredentialRecord&) { return true; }));
  return std::move(rows.items);
}

}  // namespace stackyard::stacks
