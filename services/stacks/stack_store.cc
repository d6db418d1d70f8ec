#include "services/stacks/stack_store.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/proto_time.h"
#include "common/resource_name.h"
#include "common/status.h"
#include "services/stacks/lifecycle.h"
#include "services/stacks/row_secrets.h"
#include "services/stacks/stack_index.h"

namespace stackyard::stacks {
namespace {

// Sequence numbers as keys of pages, newest first.
int64_t Before(const std::string& after) {
  int64_t number = INT64_MAX;
  if (!after.empty() && !absl::SimpleAtoi(after, &number)) number = 0;
  return number;
}

absl::StatusOr<StackRecord> ReadStack(soci::session& sql, const StackName& name,
                                      std::string_view lock) {
  std::string body;
  sql << absl::StrCat(
      "SELECT body FROM stacks WHERE project = :project AND id = :id "
      "ORDER BY holds_name DESC, create_micros DESC LIMIT 1",
      std::string(lock)),
      soci::use(name.project), soci::use(name.stack), soci::into(body);
  if (!sql.got_data()) return NotFound(name.ToString());
  return Unpacked<StackRecord>(body);
}

// End of the lease of a stack that holds something; 0: it holds nothing.
int64_t LeaseEnd(const StackRecord& record) {
  const bool holds = record.stack().resource_count() > 0 || !record.reservation().empty();
  return holds ? ToMicros(FromProto(record.stack().lease().end_time())) : 0;
}

// Sets the etag and answers the row's body.
std::string Seal(StackRecord& record) {
  record.mutable_stack()->clear_etag();
  record.mutable_stack()->set_etag(EtagOf(record));
  return Pack(record);
}

}  // namespace

absl::StatusOr<StackName> StackName::Parse(std::string_view field, std::string_view name) {
  ASSIGN_OR_RETURN(auto parts, ParseName(field, name, "projects/*/stacks/*"));
  return StackName{std::move(parts[0]), std::move(parts[1])};
}

std::string StackName::ToString() const {
  return absl::StrCat("projects/", project, "/stacks/", stack);
}

absl::StatusOr<StackRecord> FindStack(soci::session& sql, const StackName& name) {
  return ReadStack(sql, name, "");
}

absl::StatusOr<StackRecord> LockStack(Change& change, const StackName& name) {
  return ReadStack(change.sql, name, change.db.ForUpdate());
}

absl::StatusOr<StackRecord> FindStackByUid(soci::session& sql, const std::string& uid) {
  std::string body;
  sql << "SELECT body FROM stacks WHERE uid = :uid", soci::use(uid), soci::into(body);
  if (!sql.got_data()) return NotFound(uid);
  return Unpacked<StackRecord>(body);
}

bool IsGone(const absl::StatusOr<StackRecord>& found, const std::string& uid) {
  return ReasonOf(found.status()) == v1::RESOURCE_NOT_FOUND ||
         (found.ok() && (found->stack().uid() != uid || !HoldsName(found->stack().state())));
}

absl::Status InsertStack(Change& change, StackRecord& record) {
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("name", record.stack().name()));
  int taken = 0;
  change.sql << "SELECT COUNT(*) FROM stacks WHERE project = :project AND id = :id "
                "AND holds_name = 1",
      soci::use(name.project), soci::use(name.stack), soci::into(taken);
  if (taken > 0) return Exists(record.stack().name());
  const std::string body = Seal(record);
  const std::string uid = record.stack().uid();
  const std::string template_id = TemplateOf(record.stack().template_version());
  const int64_t now = ToMicros(change.now);
  change.sql << "INSERT INTO stacks (uid, project, id, holds_name, template, create_micros, body, "
                "indexed) VALUES (:uid, :project, :id, 1, :template, :now, :body, 1)",
      soci::use(uid), soci::use(name.project), soci::use(name.stack), soci::use(template_id),
      soci::use(now), soci::use(body);
  change.touched.names.insert(record.stack().name());
  return IndexStack(change, record);
}

absl::Status SaveStack(Change& change, StackRecord& record) {
  *record.mutable_stack()->mutable_update_time() = ToProto(change.now);
  const std::string body = Seal(record);
  const int holds = HoldsName(record.stack().state()) ? 1 : 0;
  const std::string uid = record.stack().uid();
  const std::string template_id = TemplateOf(record.stack().template_version());
  const int64_t lease_end = LeaseEnd(record);
  change.sql << "UPDATE stacks SET holds_name = :holds, template = :template, lineage = :lineage, "
                "lease_end_micros = :lease_end, body = :body, indexed = indexed + 1 "
                "WHERE uid = :uid",
      soci::use(holds), soci::use(template_id), soci::use(record.state_lineage()),
      soci::use(lease_end), soci::use(body), soci::use(uid);
  change.touched.names.insert(record.stack().name());
  return IndexStack(change, record);
}

absl::StatusOr<Rows<StackRecord>> ListStacks(
    soci::session& sql, const std::string& project, bool live_only, const Page& page,
    const std::function<bool(const StackRecord&)>& accept) {
  const char* live = live_only ? " AND holds_name = 1" : "";
  return ReadRows<StackRecord>(
      page,
      [&](const std::string& after, int limit, std::vector<std::string>& keys,
          std::vector<std::string>& bodies) {
        // Keys are `project/id/uid`; `/` sorts before all that ids are made of.
        std::vector<std::string> parts = absl::StrSplit(after, '/');
        parts.resize(3);
        sql << absl::StrCat(
            "SELECT project || '/' || id || '/' || uid, body FROM stacks "
            "WHERE (project, id, uid) > (:after_project, :after_id, :after_uid)",
            project.empty() ? " AND '' = :project" : " AND project = :project", live,
            " ORDER BY project, id, uid LIMIT :limit"),
            soci::use(parts[0]), soci::use(parts[1]), soci::use(parts[2]), soci::use(project),
            soci::use(limit), soci::into(keys), soci::into(bodies);
      },
      accept);
}

Overdue FindOverdue(soci::session& sql, absl::Time now) {
  Overdue overdue;
  int64_t first = 0;
  const int64_t micros = ToMicros(now);
  soci::indicator indicator = soci::i_null;
  sql << "SELECT COUNT(*), MIN(lease_end_micros) FROM stacks "
         "WHERE lease_end_micros > 0 AND lease_end_micros <= :now",
      soci::use(micros), soci::into(overdue.count), soci::into(first, indicator);
  if (indicator == soci::i_ok) overdue.longest = now - FromMicros(first);
  return overdue;
}

int64_t CountLiveStacks(soci::session& sql, const std::string& project,
                        const std::string& template_id) {
  int64_t count = 0;
  sql << absl::StrCat("SELECT COUNT(*) FROM stacks WHERE holds_name = 1 AND ",
                      project.empty() ? "template" : "project", " = :id"),
      soci::use(project.empty() ? template_id : project), soci::into(count);
  return count;
}

std::string FindLineage(soci::session& sql, const std::string& lineage) {
  std::string project, id;
  sql << "SELECT project, id FROM stacks WHERE lineage = :lineage AND holds_name = 1 LIMIT 1",
      soci::use(lineage), soci::into(project), soci::into(id);
  return sql.got_data() ? StackName{project, id}.ToString() : "";
}

absl::Status InsertRevision(Change& change, const StackName& name, RevisionRecord& record) {
  const int64_t number = NextNumber(change, absl::StrCat(name.ToString(), "/revisions"));
  v1::Revision& revision = *record.mutable_revision();
  revision.set_number(number);
  revision.set_name(absl::StrCat(name.ToString(), "/revisions/", number));
  *revision.mutable_create_time() = ToProto(change.now);
  SealSecrets(change.sealer, record);
  const std::string body = Pack(record);
  change.sql << "INSERT INTO revisions (project, stack, number, body) "
                "VALUES (:project, :stack, :number, :body)",
      soci::use(name.project), soci::use(name.stack), soci::use(number), soci::use(body);
  return absl::OkStatus();
}

absl::Status SaveRevision(Change& change, const StackName& name, const RevisionRecord& record) {
  const std::string body = Pack(record);
  const int64_t number = record.revision().number();
  change.sql << "UPDATE revisions SET body = :body WHERE project = :project AND stack = :stack "
                "AND number = :number",
      soci::use(body), soci::use(name.project), soci::use(name.stack), soci::use(number);
  return absl::OkStatus();
}

absl::StatusOr<RevisionRecord> FindRevision(soci::session& sql, const StackName& name,
                                            int64_t number) {
  std::string body;
  sql << "SELECT body FROM revisions WHERE project = :project AND stack = :stack "
         "AND number = :number",
      soci::use(name.project), soci::use(name.stack), soci::use(number), soci::into(body);
  if (!sql.got_data()) return NotFound(absl::StrCat(name.ToString(), "/revisions/", number));
  return Unpacked<RevisionRecord>(body);
}

absl::StatusOr<Rows<RevisionRecord>> ListRevisions(
    soci::session& sql, const StackName& name, const Page& page,
    const std::function<bool(const RevisionRecord&)>& accept) {
  return ReadRows<RevisionRecord>(
      page,
      [&](const std::string& after, int limit, std::vector<std::string>& keys,
          std::vector<std::string>& bodies) {
        const int64_t before = Before(after);
        sql << "SELECT CAST(number AS TEXT) AS key, body FROM revisions WHERE project = :project "
               "AND stack = :stack AND number < :before ORDER BY number DESC LIMIT :limit",
            soci::use(name.project), soci::use(name.stack), soci::use(before), soci::use(limit),
            soci::into(keys), soci::into(bodies);
      },
      accept);
}

}  // namespace stackyard::stacks
