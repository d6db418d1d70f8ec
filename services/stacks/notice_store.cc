#include "services/stacks/notice_store.h"

#include <deque>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/proto_time.h"
#include "services/stacks/event_types.h"

namespace stackyard::stacks {
namespace {

using v1::Notification;

// A condition with its values; the values must outlive the statement.
class Condition {
 public:
  std::string Use(const std::string& value) {
    values_.push_back(value);
    return absl::StrCat(":v", values_.size());
  }
  void Bind(soci::statement& statement) {
    for (std::string& value : values_) statement.exchange(soci::use(value));
  }

 private:
  std::deque<std::string> values_;
};

// What of notice_recipients is addressed to the reader. Each notice may be so several times.
std::string AddressedTo(const Reader& reader, Condition& condition) {
  std::vector<std::string> any = {absl::StrCat("recipient = ", condition.Use(reader.user))};
  // Values count in the order in which they stand in the text.
  const auto by_role = [&](const std::string& role, const std::string& project) {
    std::string one = "(recipient = ";
    one += condition.Use(absl::StrCat("roles/", role));
    if (!project.empty()) one += " AND project = " + condition.Use(project);
    one += " AND not_to <> " + condition.Use(reader.user) + ")";
    any.push_back(std::move(one));
  };
  for (const std::string& role : reader.roles) by_role(role, "");
  for (const auto& [project, role] : reader.project_roles) by_role(role, project);
  return absl::StrCat("(", absl::StrJoin(any, " OR "), ")");
}

std::string In(const std::vector<int64_t>& ids) {
  return absl::StrCat("(", absl::StrJoin(ids, ", "), ")");
}

void Run(soci::session& sql, const std::string& query, Condition& condition) {
  soci::statement statement(sql);
  condition.Bind(statement);
  statement.alloc();
  statement.prepare(query);
  statement.define_and_bind();
  statement.execute(true);
}

}  // namespace

Reader ReaderOf(const Principal& caller) {
  Reader reader;
  reader.user = caller.user();
  reader.roles.assign(caller.roles().begin(), caller.roles().end());
  for (const auto& entry : caller.project_roles()) {
    for (const std::string& role : entry.roles()) {
      reader.project_roles.emplace_back(entry.project(), role);
    }
  }
  return reader;
}

void InsertNotice(Change& change, const std::string& project, const v1::Event& event,
                  const Notice& notice) {
  Notification shown;
  shown.set_event(event.name());
  shown.set_event_type(event.type());
  shown.set_title(notice.title);
  shown.set_text(notice.text);
  shown.set_resource(notice.resource);
  *shown.mutable_create_time() = event.time();
  const std::string body = Pack(shown);
  const int64_t sequence = event.sequence();
  const int64_t now = ToMicros(change.now);
  int64_t id = 0;
  soci::statement insert =
      (change.sql.prepare << "INSERT INTO notices (project, sequence, create_micros, body) "
                             "VALUES (:project, :sequence, :now, :body) "
                             "ON CONFLICT (project, sequence) DO NOTHING RETURNING id",
       soci::use(project), soci::use(sequence), soci::use(now), soci::use(body), soci::into(id));
  const bool fresh = insert.execute(true);
  // SQLite wants a RETURNING statement read to its end.
  while (fresh && insert.fetch()) {
  }
  if (!fresh) return;
  for (const std::string& recipient : notice.recipients) {
    change.sql << "INSERT INTO notice_recipients (notice, recipient, project, not_to) "
                  "VALUES (:notice, :recipient, :project, :not_to)",
        soci::use(id), soci::use(recipient), soci::use(project), soci::use(notice.not_to);
  }
}

absl::StatusOr<Rows<Notification>> ListNotices(
    soci::session& sql, const Reader& reader,
    const google::protobuf::RepeatedPtrField<std::string>& muted, const Page& page,
    const std::function<bool(const Notification&)>& accept) {
  Rows<Notification> rows;
  int64_t before = INT64_MAX;
  if (!page.after.empty() && !absl::SimpleAtoi(page.after, &before)) before = 0;
  for (;;) {
    const int limit = std::max(page.size + 1, 100);
    Condition condition;
    const std::string addressed = AddressedTo(reader, condition);
    const std::string query = absl::StrCat(
        "SELECT n.id, n.body, CASE WHEN r.notice IS NULL THEN 0 ELSE 1 END FROM (SELECT DISTINCT "
        "notice FROM notice_recipients WHERE notice < ",
        before, " AND ", addressed, " ORDER BY notice DESC LIMIT ", limit,
        ") mine JOIN notices n ON n.id = mine.notice LEFT JOIN notice_reads r "
        "ON r.notice = n.id AND r.reader = ",
        condition.Use(reader.user), " ORDER BY n.id DESC");
    long long id = 0;
    std::string body;
    int read = 0;
    soci::statement statement(sql);
    condition.Bind(statement);
    statement.exchange(soci::into(id));
    statement.exchange(soci::into(body));
    statement.exchange(soci::into(read));
    statement.alloc();
    statement.prepare(query);
    statement.define_and_bind();
    int found = 0;
    for (bool more = statement.execute(true); more; more = statement.fetch()) {
      ++found;
      ASSIGN_OR_RETURN(Notification notice, Unpacked<Notification>(body));
      notice.set_name(absl::StrCat(reader.user, "/notifications/", id));
      notice.set_read(read != 0);
      if (!AnyTakesIn(muted, notice.event_type()) && accept(notice)) {
        if (static_cast<int>(rows.items.size()) == page.size) {
          rows.next = absl::StrCat(before);
          return rows;
        }
        rows.items.push_back(std::move(notice));
      }
      before = id;
    }
    if (found < limit) return rows;
  }
}

void MarkRead(Change& change, const Reader& reader, const std::vector<int64_t>& ids) {
  Condition condition;
  const std::string user = condition.Use(reader.user);
  const std::string query = absl::StrCat(
      "INSERT INTO notice_reads (reader, notice) SELECT DISTINCT CAST(", user,
      " AS TEXT), notice FROM notice_recipients WHERE ", AddressedTo(reader, condition),
      ids.empty() ? "" : absl::StrCat(" AND notice IN ", In(ids)),
      " ON CONFLICT (reader, notice) DO NOTHING");
  Run(change.sql, query, condition);
}

int64_t CountNotices(soci::session& sql, const Reader& reader, const std::vector<int64_t>& ids) {
  if (ids.empty()) return 0;
  Condition condition;
  const std::string query =
      absl::StrCat("SELECT COUNT(DISTINCT notice) FROM notice_recipients WHERE notice IN ", In(ids),
                   " AND ", AddressedTo(reader, condition));
  int64_t count = 0;
  soci::statement statement(sql);
  condition.Bind(statement);
  statement.exchange(soci::into(count));
  statement.alloc();
  statement.prepare(query);
  statement.define_and_bind();
  statement.execute(true);
  return count;
}

int64_t DropNotices(Change& change, absl::Time before) {
  const int64_t micros = ToMicros(before);
  const char* old = " IN (SELECT id FROM notices WHERE create_micros < :before)";
  for (const char* table : {"notice_reads", "notice_recipients"}) {
    change.sql << absl::StrCat("DELETE FROM ", table, " WHERE notice", old), soci::use(micros);
  }
  soci::statement statement =
      (change.sql.prepare << "DELETE FROM notices WHERE create_micros < :before",
       soci::use(micros));
  statement.execute(true);
  return statement.get_affected_rows();
}

absl::StatusOr<NotificationSettingsRecord> FindSettings(soci::session& sql,
                                                        const std::string& user) {
  std::string body;
  sql << "SELECT body FROM notice_settings WHERE reader = :reader", soci::use(user),
      soci::into(body);
  NotificationSettingsRecord record;
  if (sql.got_data()) {
    ASSIGN_OR_RETURN(record, Unpacked<NotificationSettingsRecord>(body));
  }
  record.mutable_settings()->set_name(absl::StrCat(user, "/notificationSettings"));
  return record;
}

void SaveSettings(Change& change, const NotificationSettingsRecord& record) {
  const std::string& name = record.settings().name();
  const std::string user = name.substr(0, name.rfind('/'));
  const std::string body = Pack(record);
  change.sql << "INSERT INTO notice_settings (reader, body) VALUES (:reader, :body) "
                "ON CONFLICT (reader) DO UPDATE SET body = excluded.body",
      soci::use(user), soci::use(body);
}

}  // namespace stackyard::stacks
