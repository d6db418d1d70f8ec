#include "services/stacks/announcer.h"

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/status.h"
#include "services/stacks/change_request_store.h"
#include "services/stacks/event_types.h"
#include "services/stacks/events.h"
#include "services/stacks/notice_store.h"
#include "services/stacks/stack_store.h"

namespace stackyard::stacks {
namespace {

using v1::ChangeRequest;
using v1::Event;

// Projects looked at, and events announced, in one go.
constexpr int kProjects = 100;
constexpr int kEvents = 100;

// What is known of what an event is about. What cannot be found is left out: the log tells of
// things that are gone, and must never be held up by one of them.
class Lookup {
 public:
  Lookup(soci::session& sql, const Event& event) {
    std::string request;
    if (const auto name = StackName::Parse("resource", event.resource()); name.ok()) {
      if (const auto stack = FindStack(sql, *name); stack.ok()) {
        subject_.creator = stack->stack().creator();
        if (const auto revision = FindRevision(sql, *name, stack->stack().latest_revision());
            revision.ok()) {
          subject_.stack_requester = revision->revision().creator();
        }
        request = stack->stack().change_request();
      }
    } else if (absl::StartsWith(event.type(), "changeRequest.")) {
      request = event.resource();
    }
    if (request.empty()) return;
    if (const auto found = FindChangeRequest(sql, request); found.ok()) {
      request_ = *found;
      subject_.request = &*request_;
    }
  }
  const Subject& subject() const { return subject_; }

 private:
  std::optional<ChangeRequest> request_;
  Subject subject_;
};

// Queues mail for those of the recipients who want it.
absl::Status QueueMail(Change& change, const Event& event, const Notice& notice) {
  for (const std::string& recipient : notice.recipients) {
    // Who holds a role is not known here: they read it in their inbox.
    if (!absl::StartsWith(recipient, "users/")) continue;
    ASSIGN_OR_RETURN(const auto record, FindSettings(change.sql, recipient));
    if (!record.settings().email() || AnyTakesIn(record.settings().muted(), event.type())) continue;
    TaskRecord task;
    task.set_kind(TaskRecord::DELIVER);
    task.set_event(event.name());
    task.set_user(recipient);
    AddTask(change, absl::StrCat("mail/", recipient, "/", event.name()), task, change.now);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<int> Announcer::RunDue() {
  std::vector<std::string> projects(kProjects);
  RETURN_IF_ERROR(store_.Read([&](soci::session& sql) {
    sql << "SELECT h.project FROM event_heads h LEFT JOIN notice_cursors c "
           "ON c.project = h.project WHERE h.sequence > COALESCE(c.sequence, 0) LIMIT :limit",
        soci::use(kProjects), soci::into(projects);
    return absl::OkStatus();
  }));
  int count = 0;
  absl::Status failure;
  for (const std::string& project : projects) {
    const auto announced = Announce(project);
    // One log that cannot be read holds up no other.
    if (announced.ok()) {
      count += *announced;
    } else {
      failure = announced.status();
    }
  }
  if (!failure.ok()) return failure;
  return count;
}

absl::StatusOr<int> Announcer::Announce(const std::string& project) {
  return store_.WriteValue<int>(Actor(), [&](Change& change) -> absl::StatusOr<int> {
    int64_t cursor = 0;
    change.sql << "INSERT INTO notice_cursors (project, sequence) VALUES (:project, 0) "
                  "ON CONFLICT (project) DO NOTHING",
        soci::use(project);
    change.sql << absl::StrCat("SELECT sequence FROM notice_cursors WHERE project = :project",
                               std::string(change.db.SkipLocked())),
        soci::use(project), soci::into(cursor);
    if (!change.sql.got_data()) return 0;
    Page page;
    page.size = kEvents;
    page.after = absl::StrCat(cursor);
    ASSIGN_OR_RETURN(const auto rows, ListEvents(change.sql, project, page, true,
                                                 [](const Event&) { return true; }));
    if (rows.items.empty()) return 0;
    ASSIGN_OR_RETURN(const std::vector<ChannelRecord> channels, OpenChannels(change.sql, project));
    for (const Event& event : rows.items) {
      const Lookup lookup(change.sql, event);
      const Notice notice = NoticeOf(event, lookup.subject());
      if (!notice.recipients.empty()) {
        InsertNotice(change, project, event, notice);
        RETURN_IF_ERROR(QueueMail(change, event, notice));
      }
      for (const ChannelRecord& channel : channels) {
        if (event.sequence() <= channel.since() ||
            !AnyTakesIn(channel.channel().event_types(), event.type())) {
          continue;
        }
        AddDelivery(change, channel, event.name());
      }
    }
    const int64_t last = rows.items.back().sequence();
    change.sql << "UPDATE notice_cursors SET sequence = :last WHERE project = :project",
        soci::use(last), soci::use(project);
    return static_cast<int>(rows.items.size());
  });
}

void Announcer::Serve() {
  Notifier& events = store_.signals().events;
  while (!events.closed()) {
    const int64_t seen = events.Count();
    const auto done = RunDue();
    if (!done.ok()) LogError("events cannot be announced", {{"error", done.status().ToString()}});
    // What other replicas left shows within this time.
    if (!done.ok() || *done == 0) events.Wait(seen, absl::Milliseconds(500));
  }
}

}  // namespace stackyard::stacks
