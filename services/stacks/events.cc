#include "services/stacks/events.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/id.h"
#include "common/proto_time.h"
#include "common/status.h"

namespace stackyard::stacks {
namespace {

// Over the hash before it and the event without its own hash; map fields make the plain
// serialisation of protobuf unstable, so details go in as a sorted text.
std::string HashOf(const std::string& previous, v1::Event event) {
  event.clear_hash();
  const std::string details = event.details().ShortDebugString();
  event.clear_details();
  return Sha256Hex(absl::StrCat(previous, "\n", event.SerializeAsString(), "\n", details));
}

}  // namespace

absl::Status AppendEvent(Change& change, const std::string& project, v1::Event event) {
  int64_t sequence = 0;
  std::string previous;
  // Makes the row, so that the lock below always finds one.
  change.sql << "INSERT INTO event_heads (project, sequence, hash) VALUES (:project, 0, '') "
                "ON CONFLICT (project) DO NOTHING",
      soci::use(project);
  change.sql << absl::StrCat("SELECT sequence, hash FROM event_heads WHERE project = :project",
                             std::string(change.db.ForUpdate())),
      soci::use(project), soci::into(sequence), soci::into(previous);
  ++sequence;
  event.set_sequence(sequence);
  event.set_name(absl::StrCat("projects/", project, "/events/", sequence));
  event.set_actor(change.actor.name);
  event.set_request_id(change.actor.request_id);
  *event.mutable_time() = ToProto(change.now);
  const std::string hash = HashOf(previous, event);
  event.set_hash(hash);
  const std::string body = Pack(event);
  change.sql << "INSERT INTO events (project, sequence, body) VALUES (:project, :sequence, :body)",
      soci::use(project), soci::use(sequence), soci::use(body);
  change.sql << "UPDATE event_heads SET sequence = :sequence, hash = :hash "
                "WHERE project = :project",
      soci::use(sequence), soci::use(hash), soci::use(project);
  change.touched.names.insert(absl::StrCat("projects/", project));
  return absl::OkStatus();
}

absl::StatusOr<v1::Event> FindEvent(soci::session& sql, const std::string& project,
                                    int64_t sequence) {
  std::string body;
  sql << "SELECT body FROM events WHERE project = :project AND sequence = :sequence",
      soci::use(project), soci::use(sequence), soci::into(body);
  if (!sql.got_data()) return NotFound(absl::StrCat("projects/", project, "/events/", sequence));
  return Unpacked<v1::Event>(body);
}

absl::StatusOr<Rows<v1::Event>> ListEvents(soci::session& sql, const std::string& project,
                                           const Page& page, bool oldest_first,
                                           const std::function<bool(const v1::Event&)>& accept) {
  return ReadRows<v1::Event>(
      page,
      [&](const std::string& after, int limit, std::vector<std::string>& keys,
          std::vector<std::string>& bodies) {
        int64_t from = oldest_first ? 0 : INT64_MAX;
        if (!after.empty() && !absl::SimpleAtoi(after, &from)) from = 0;
        sql << absl::StrCat(
            "SELECT CAST(sequence AS TEXT) AS key, body FROM events "
            "WHERE project = :project AND sequence ",
            oldest_first ? "> :from ORDER BY sequence" : "< :from ORDER BY sequence DESC",
            " LIMIT :limit"),
            soci::use(project), soci::use(from), soci::use(limit), soci::into(keys),
            soci::into(bodies);
      },
      accept);
}

int64_t LastSequence(soci::session& sql, const std::string& project) {
  int64_t sequence = 0;
  sql << "SELECT sequence FROM event_heads WHERE project = :project", soci::use(project),
      soci::into(sequence);
  return sequence;
}

absl::StatusOr<v1::VerifyEventsResponse> VerifyEvents(soci::session& sql,
                                                      const std::string& project) {
  v1::VerifyEventsResponse response;
  const auto broken = [&](int64_t sequence, std::string_view message) {
    response.set_broken_sequence(sequence);
    response.set_message(std::string(message));
    return response;
  };
  std::string previous;
  int64_t expected = 1;
  Page page;
  page.size = 1000;
  for (;;) {
    ASSIGN_OR_RETURN(const auto rows,
                     ListEvents(sql, project, page, true, [](const v1::Event&) { return true; }));
    for (const v1::Event& event : rows.items) {
      if (event.sequence() != expected) return broken(expected, "the event is missing");
      if (event.hash() != HashOf(previous, event)) {
        return broken(expected, "the event or the one before it was changed");
      }
      previous = event.hash();
      ++expected;
      response.set_checked(response.checked() + 1);
    }
    if (rows.next.empty()) break;
    page.after = rows.next;
  }
  std::string head;
  sql << "SELECT hash FROM event_heads WHERE project = :project", soci::use(project),
      soci::into(head);
  if (LastSequence(sql, project) != expected - 1 || head != previous) {
    return broken(expected, "events at the end are missing");
  }
  response.set_intact(true);
  return response;
}

}  // namespace stackyard::stacks
