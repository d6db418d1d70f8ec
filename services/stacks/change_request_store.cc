#include "services/stacks/change_request_store.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/proto_time.h"
#include "common/resource_name.h"
#include "common/status.h"

namespace stackyard::stacks {
namespace {

struct Key {
  std::string project;
  int64_t number = 0;
};

absl::StatusOr<Key> ParseKey(const std::string& name) {
  ASSIGN_OR_RETURN(const auto parts, ParseName("name", name, "projects/*/changeRequests/*"));
  Key key{parts[0], 0};
  if (!absl::SimpleAtoi(parts[1], &key.number)) return NotFound(name);
  return key;
}

absl::StatusOr<v1::ChangeRequest> Read(soci::session& sql, const std::string& name,
                                       std::string_view lock) {
  ASSIGN_OR_RETURN(const Key key, ParseKey(name));
  std::string body;
  sql << absl::StrCat(
      "SELECT body FROM change_requests WHERE project = :project "
      "AND number = :number",
      std::string(lock)),
      soci::use(key.project), soci::use(key.number), soci::into(body);
  if (!sql.got_data()) return NotFound(name);
  return Unpacked<v1::ChangeRequest>(body);
}

std::string Seal(v1::ChangeRequest& request) {
  request.clear_etag();
  request.set_etag(EtagOf(request));
  return Pack(request);
}

}  // namespace

absl::Status InsertChangeRequest(Change& change, const std::string& project,
                                 v1::ChangeRequest& request) {
  const int64_t number = NextNumber(change, absl::StrCat("projects/", project, "/changeRequests"));
  request.set_name(absl::StrCat("projects/", project, "/changeRequests/", number));
  *request.mutable_create_time() = ToProto(change.now);
  *request.mutable_update_time() = ToProto(change.now);
  const std::string body = Seal(request);
  change.sql << "INSERT INTO change_requests (project, number, body) "
                "VALUES (:project, :number, :body)",
      soci::use(project), soci::use(number), soci::use(body);
  change.touched.names.insert(request.name());
  return absl::OkStatus();
}

absl::Status SaveChangeRequest(Change& change, v1::ChangeRequest& request) {
  ASSIGN_OR_RETURN(const Key key, ParseKey(request.name()));
  *request.mutable_update_time() = ToProto(change.now);
  const std::string body = Seal(request);
  change.sql << "UPDATE change_requests SET body = :body WHERE project = :project "
                "AND number = :number",
      soci::use(body), soci::use(key.project), soci::use(key.number);
  change.touched.names.insert(request.name());
  return absl::OkStatus();
}

absl::StatusOr<v1::ChangeRequest> FindChangeRequest(soci::session& sql, const std::string& name) {
  return Read(sql, name, "");
}

absl::StatusOr<v1::ChangeRequest> LockChangeRequest(Change& change, const std::string& name) {
  return Read(change.sql, name, change.db.ForUpdate());
}

absl::StatusOr<Rows<v1::ChangeRequest>> ListChangeRequests(
    soci::session& sql, const std::string& project, const Page& page,
    const std::function<bool(const v1::ChangeRequest&)>& accept) {
  return ReadRows<v1::ChangeRequest>(
      page,
      [&](const std::string& after, int limit, std::vector<std::string>& keys,
          std::vector<std::string>& bodies) {
        std::vector<std::string> parts = absl::StrSplit(after, '/');
        parts.resize(2);
        int64_t number = INT64_MAX;
        if (!after.empty() && !absl::SimpleAtoi(parts[1], &number)) number = 0;
        sql << "SELECT project || '/' || CAST(number AS TEXT), body FROM change_requests "
               "WHERE (:any = '' OR project = :project) "
               "AND (project > :after OR (project = :same AND number < :number)) "
               "ORDER BY project, number DESC LIMIT :limit",
            soci::use(project), soci::use(project), soci::use(parts[0]), soci::use(parts[0]),
            soci::use(number), soci::use(limit), soci::into(keys), soci::into(bodies);
      },
      accept);
}

}  // namespace stackyard::stacks
