#include "services/stacks/catalog_store.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/proto_time.h"
#include "common/resource_name.h"
#include "common/status.h"
#include "services/stacks/channel_store.h"
#include "services/stacks/credential_store.h"

namespace stackyard::stacks {
namespace {

// Projects and templates are alike: an id and a message with name, times and etag.
template <typename M>
absl::StatusOr<M> FindById(soci::session& sql, const char* table, const std::string& id) {
  std::string body;
  sql << absl::StrCat("SELECT body FROM ", table, " WHERE id = :id"), soci::use(id),
      soci::into(body);
  if (!sql.got_data()) return NotFound(absl::StrCat(table, "/", id));
  return Unpacked<M>(body);
}

template <typename M>
std::string Seal(Change& change, M& message) {
  if (!message.has_create_time()) *message.mutable_create_time() = ToProto(change.now);
  *message.mutable_update_time() = ToProto(change.now);
  message.clear_etag();
  message.set_etag(EtagOf(message));
  change.touched.names.insert(message.name());
  return Pack(message);
}

template <typename M>
absl::StatusOr<Rows<M>> ListById(soci::session& sql, const char* table, const Page& page,
                                 const std::function<bool(const M&)>& accept) {
  return ReadRows<M>(
      page,
      [&](const std::string& after, int limit, std::vector<std::string>& keys,
          std::vector<std::string>& bodies) {
        sql << absl::StrCat("SELECT id, body FROM ", table,
                            " WHERE id > :after ORDER BY id LIMIT :limit"),
            soci::use(after), soci::use(limit), soci::into(keys), soci::into(bodies);
      },
      accept);
}

}  // namespace

absl::StatusOr<v1::Project> FindProject(soci::session& sql, const std::string& id) {
  return FindById<v1::Project>(sql, "projects", id);
}

absl::Status InsertProject(Change& change, const std::string& id, v1::Project& project) {
  if (FindProject(change.sql, id).ok()) return Exists(project.name());
  const std::string body = Seal(change, project);
  change.sql << "INSERT INTO projects (id, body) VALUES (:id, :body)", soci::use(id),
      soci::use(body);
  return absl::OkStatus();
}

absl::Status SaveProject(Change& change, const std::string& id, v1::Project& project) {
  const std::string body = Seal(change, project);
  change.sql << "UPDATE projects SET body = :body WHERE id = :id", soci::use(body), soci::use(id);
  return absl::OkStatus();
}

void DeleteProject(Change& change, const std::string& id) {
  DropChannels(change, id);
  DropCredentials(change, id);
  change.sql << "DELETE FROM projects WHERE id = :id", soci::use(id);
}

absl::StatusOr<Rows<v1::Project>> ListProjects(
    soci::session& sql, const Page& page, const std::function<bool(const v1::Project&)>& accept) {
  return ListById<v1::Project>(sql, "projects", page, accept);
}

absl::StatusOr<v1::Template> FindTemplate(soci::session& sql, const std::string& id) {
  return FindById<v1::Template>(sql, "templates", id);
}

absl::Status SaveTemplate(Change& change, const std::string& id, v1::Template& value) {
  const std::string body = Seal(change, value);
  change.sql << "INSERT INTO templates (id, body) VALUES (:id, :body) "
                "ON CONFLICT (id) DO UPDATE SET body = excluded.body",
      soci::use(id), soci::use(body);
  return absl::OkStatus();
}

void DeleteTemplate(Change& change, const std::string& id) {
  change.sql << "DELETE FROM template_versions WHERE template = :id", soci::use(id);
  change.sql << "DELETE FROM templates WHERE id = :id", soci::use(id);
}

absl::StatusOr<Rows<v1::Template>> ListTemplates(
    soci::session& sql, const Page& page, const std::function<bool(const v1::Template&)>& accept) {
  return ListById<v1::Template>(sql, "templates", page, accept);
}

absl::StatusOr<StoredVersion> FindVersion(soci::session& sql, const std::string& template_id,
                                          const std::string& version) {
  const std::string name = absl::StrCat("templates/", template_id, "/versions/", version);
  std::string id = version;
  if (version == "latest") {
    const auto found = FindTemplate(sql, template_id);
    if (!found.ok() || found->latest_version().empty()) return NotFound(name);
    id = std::string(found->latest_version().substr(found->latest_version().rfind('/') + 1));
  }
  std::string body;
  StoredVersion stored;
  sql << "SELECT body, spec FROM template_versions WHERE template = :template "
         "AND version = :version",
      soci::use(template_id), soci::use(id), soci::into(body), soci::into(stored.spec);
  if (!sql.got_data()) return NotFound(name);
  RETURN_IF_ERROR(Unpack(body, stored.version));
  return stored;
}

absl::StatusOr<StoredVersion> FindVersionByName(soci::session& sql, std::string_view field,
                                                const std::string& name) {
  ASSIGN_OR_RETURN(const auto parts, ParseName(field, name, "templates/*/versions/*"));
  return FindVersion(sql, parts[0], parts[1]);
}

absl::Status SaveVersion(Change& change, const std::string& template_id,
                         const std::string& version_id, const v1::TemplateVersion& version,
                         const std::string& spec) {
  const std::string body = Pack(version);
  const int64_t micros = ToMicros(FromProto(version.create_time()));
  change.sql << "INSERT INTO template_versions (template, version, create_micros, body, spec) "
                "VALUES (:template, :version, :micros, :body, :spec) "
                "ON CONFLICT (template, version) DO UPDATE SET "
                "create_micros = excluded.create_micros, body = excluded.body, "
                "spec = excluded.spec",
      soci::use(template_id), soci::use(version_id), soci::use(micros), soci::use(body),
      soci::use(spec);
  change.touched.names.insert(version.name());
  return absl::OkStatus();
}

absl::StatusOr<Rows<v1::TemplateVersion>> ListVersions(
    soci::session& sql, const std::string& template_id, const Page& page,
    const std::function<bool(const v1::TemplateVersion&)>& accept) {
  return ReadRows<v1::TemplateVersion>(
      page,
      [&](const std::string& after, int limit, std::vector<std::string>& keys,
          std::vector<std::string>& bodies) {
        std::vector<std::string> parts = absl::StrSplit(after, absl::MaxSplits('/', 1));
        parts.resize(2);
        int64_t micros = INT64_MAX;
        if (!after.empty() && !absl::SimpleAtoi(parts[0], &micros)) micros = 0;
        sql << "SELECT CAST(create_micros AS TEXT) || '/' || version, body "
               "FROM template_versions WHERE template = :template AND "
               "(create_micros < :micros OR (create_micros = :same AND version < :version)) "
               "ORDER BY create_micros DESC, version DESC LIMIT :limit",
            soci::use(template_id), soci::use(micros), soci::use(micros), soci::use(parts[1]),
            soci::use(limit), soci::into(keys), soci::into(bodies);
      },
      accept);
}

bool HasVersionInPreparation(soci::session& sql, const std::string& template_id) {
  int count = 0;
  sql << "SELECT COUNT(*) FROM queue JOIN template_versions "
         "ON queue.target = 'templates/' || template || '/versions/' || version "
         "WHERE template = :template",
      soci::use(template_id), soci::into(count);
  return count > 0;
}

absl::Status PointToNewest(Change& change, const std::string& template_id) {
  ASSIGN_OR_RETURN(v1::Template value, FindTemplate(change.sql, template_id));
  Page first;
  first.size = 1;
  ASSIGN_OR_RETURN(
      const auto rows,
      ListVersions(change.sql, template_id, first, [](const v1::TemplateVersion& version) {
        return version.state() == v1::TemplateVersion::ACTIVE;
      }));
  value.set_latest_version(rows.items.empty() ? "" : rows.items.front().name());
  return SaveTemplate(change, template_id, value);
}

}  // namespace stackyard::stacks
