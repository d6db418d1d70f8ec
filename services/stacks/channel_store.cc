#include "services/stacks/channel_store.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/resource_name.h"
#include "common/status.h"
#include "services/stacks/row_secrets.h"

namespace stackyard::stacks {
namespace {

struct Key {
  std::string project, id;
};

absl::StatusOr<Key> ParseKey(const std::string& name) {
  ASSIGN_OR_RETURN(auto parts, ParseName("name", name, "projects/*/channels/*"));
  return Key{std::move(parts[0]), std::move(parts[1])};
}

absl::StatusOr<ChannelRecord> Read(soci::session& sql, const std::string& name,
                                   std::string_view lock) {
  ASSIGN_OR_RETURN(const Key key, ParseKey(name));
  std::string body;
  sql << absl::StrCat("SELECT body FROM channels WHERE project = :project AND id = :id",
                      std::string(lock)),
      soci::use(key.project), soci::use(key.id), soci::into(body);
  if (!sql.got_data()) return NotFound(name);
  return Unpacked<ChannelRecord>(body);
}

std::string SealedBody(const Change& change, ChannelRecord record) {
  SealSecrets(change.sealer, record);
  return Pack(record);
}

// A delivery is one task, whoever queues it.
std::string TaskName(const TaskRecord& record) {
  return absl::StrCat("deliver/", record.channel(), "/", record.event());
}

}  // namespace

absl::StatusOr<v1::NotificationChannel> ShowChannel(soci::session& sql,
                                                    const ChannelRecord& record) {
  v1::NotificationChannel channel = record.channel();
  ASSIGN_OR_RETURN(const Key key, ParseKey(channel.name()));
  if (channel.has_webhook()) channel.mutable_webhook()->clear_secret_key();
  int dead = 0;
  std::string error;
  sql << "SELECT COUNT(*) FROM dead_letters WHERE channel = :channel", soci::use(channel.name()),
      soci::into(dead);
  sql << "SELECT last_error FROM channels WHERE project = :project AND id = :id",
      soci::use(key.project), soci::use(key.id), soci::into(error);
  channel.set_dead_letters(dead);
  channel.set_last_error(error);
  return channel;
}

absl::StatusOr<ChannelRecord> FindChannel(soci::session& sql, const std::string& name) {
  return Read(sql, name, "");
}

absl::StatusOr<ChannelRecord> LockChannel(Change& change, const std::string& name) {
  return Read(change.sql, name, change.db.ForUpdate());
}

absl::Status InsertChannel(Change& change, const ChannelRecord& record) {
  ASSIGN_OR_RETURN(const Key key, ParseKey(record.channel().name()));
  const std::string body = SealedBody(change, record);
  soci::statement statement =
      (change.sql.prepare << "INSERT INTO channels (project, id, last_error, body) "
                             "VALUES (:project, :id, '', :body) "
                             "ON CONFLICT (project, id) DO NOTHING",
       soci::use(key.project), soci::use(key.id), soci::use(body));
  statement.execute(true);
  if (statement.get_affected_rows() == 0) return Exists(record.channel().name());
  return absl::OkStatus();
}

absl::Status SaveChannel(Change& change, const ChannelRecord& record) {
  ASSIGN_OR_RETURN(const Key key, ParseKey(record.channel().name()));
  const std::string body = SealedBody(change, record);
  change.sql << "UPDATE channels SET body = :body WHERE project = :project AND id = :id",
      soci::use(body), soci::use(key.project), soci::use(key.id);
  return absl::OkStatus();
}

absl::Status DeleteChannel(Change& change, const std::string& name) {
  ASSIGN_OR_RETURN(const Key key, ParseKey(name));
  change.sql << "DELETE FROM dead_letters WHERE channel = :channel", soci::use(name);
  change.sql << "DELETE FROM channels WHERE project = :project AND id = :id",
      soci::use(key.project), soci::use(key.id);
  return absl::OkStatus();
}

void DropChannels(Change& change, const std::string& project) {
  change.sql << "DELETE FROM dead_letters WHERE channel IN "
                "(SELECT 'projects/' || project || '/channels/' || id FROM channels "
                "WHERE project = :project)",
      soci::use(project);
  change.sql << "DELETE FROM channels WHERE project = :project", soci::use(project);
}

absl::StatusOr<Rows<ChannelRecord>> ListChannels(
    soci::session& sql, const std::string& project, const Page& page,
    const std::function<bool(const ChannelRecord&)>& accept) {
  return ReadRows<ChannelRecord>(
      page,
      [&](const std::string& after, int limit, std::vector<std::string>& keys,
          std::vector<std::string>& bodies) {
        std::vector<std::string> parts = absl::StrSplit(after, '/');
        parts.resize(2);
        sql << "SELECT project || '/' || id, body FROM channels "
               "WHERE (:any = '' OR project = :project) AND (project, id) > (:after, :after_id) "
               "ORDER BY project, id LIMIT :limit",
            soci::use(project), soci::use(project), soci::use(parts[0]), soci::use(parts[1]),
            soci::use(limit), soci::into(keys), soci::into(bodies);
      },
      accept);
}

absl::StatusOr<std::vector<ChannelRecord>> OpenChannels(soci::session& sql,
                                                        const std::string& project) {
  Page page;
  page.size = 1000;
  ASSIGN_OR_RETURN(auto rows, ListChannels(sql, project, page, [](const ChannelRecord& record) {
                     return !record.channel().disabled();
                   }));
  return std::move(rows.items);
}

int64_t CountChannels(soci::session& sql, const std::string& project) {
  int64_t count = 0;
  sql << "SELECT COUNT(*) FROM channels WHERE project = :project", soci::use(project),
      soci::into(count);
  return count;
}

absl::Status SetLastError(Change& change, const std::string& name, const std::string& error) {
  ASSIGN_OR_RETURN(const Key key, ParseKey(name));
  change.sql << "UPDATE channels SET last_error = :error WHERE project = :project AND id = :id "
                "AND last_error <> :same",
      soci::use(error), soci::use(key.project), soci::use(key.id), soci::use(error);
  return absl::OkStatus();
}

void AddDelivery(Change& change, const ChannelRecord& channel, const std::string& event) {
  TaskRecord task;
  task.set_kind(TaskRecord::DELIVER);
  task.set_event(event);
  task.set_channel(channel.channel().name());
  task.set_channel_uid(channel.uid());
  AddTask(change, TaskName(task), task, change.now);
}

void Bury(Change& change, const TaskRecord& task) {
  const std::string name = TaskName(task);
  const std::string body = Pack(task);
  change.sql << "INSERT INTO dead_letters (channel, task, body) VALUES (:channel, :task, :body) "
                "ON CONFLICT (channel, task) DO NOTHING",
      soci::use(task.channel()), soci::use(name), soci::use(body);
}

absl::StatusOr<int> Revive(Change& change, const std::string& channel, int count) {
  std::vector<long long> ids(count);
  std::vector<std::string> bodies(count);
  change.sql << "SELECT id, body FROM dead_letters WHERE channel = :channel ORDER BY id "
                "LIMIT :count",
      soci::use(channel), soci::use(count), soci::into(ids), soci::into(bodies);
  for (size_t i = 0; i < bodies.size(); ++i) {
    ASSIGN_OR_RETURN(const TaskRecord task, Unpacked<TaskRecord>(bodies[i]));
    AddTask(change, TaskName(task), task, change.now);
    change.sql << "DELETE FROM dead_letters WHERE id = :id", soci::use(ids[i]);
  }
  return static_cast<int>(bodies.size());
}

}  // namespace stackyard::stacks
