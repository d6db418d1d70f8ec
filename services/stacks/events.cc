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

// Rows in memory at a time while a chain is checked.
constexpr int kVerifyBatch = 500;

// Follows a chain from its first row to its last.
class ChainCheck {
 public:
  ChainCheck() { result_.set_intact(true); }

  void Take(int64_t number, const std::string& body) {
    if (number > expected_) return Fail("the event is missing");
    const auto event = Unpacked<v1::Event>(body);
    if (!event.ok()) return Fail("the event was changed: it cannot be read");
    if (number != expected_ || event->sequence() != expected_) {
      return Fail("the event is out of its place");
    }
    if (event->hash() != HashOf(previous_, *event)) {
      return Fail("the event or the one before it was changed");
    }
    previous_ = event->hash();
    ++expected_;
    result_.set_checked(result_.checked() + 1);
  }
  // `sequence` and `hash` are those of the last event, as they were put down apart from it.
  void End(int64_t sequence, const std::string& hash) {
    if (sequence < expected_ - 1) {
      expected_ = sequence + 1;
      return Fail("the event was added from outside");
    }
    if (sequence != expected_ - 1 || hash != previous_) Fail("events at the end are missing");
  }
  bool intact() const { return result_.intact(); }
  const v1::VerifyEventsResponse& result() const { return result_; }

 private:
  void Fail(std::string_view message) {
    result_.set_intact(false);
    result_.set_broken_sequence(expected_);
    result_.set_message(std::string(message));
  }

  v1::VerifyEventsResponse result_;
  int64_t expected_ = 1;
  std::string previous_;
};

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
  change.touched.events = true;
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
  ChainCheck check;
  std::vector<long long> numbers(kVerifyBatch);
  std::vector<std::string> bodies(kVerifyBatch);
  // A forged row may have any number.
  int64_t last = INT64_MIN;
  while (check.intact() && bodies.size() == kVerifyBatch) {
    sql << "SELECT sequence, body FROM events WHERE project = :project AND sequence > :last "
           "ORDER BY sequence LIMIT :limit",
        soci::use(project), soci::use(last), soci::use(kVerifyBatch), soci::into(numbers),
        soci::into(bodies);
    for (size_t i = 0; i < bodies.size() && check.intact(); ++i) {
      last = numbers[i];
      check.Take(last, bodies[i]);
    }
  }
  int64_t sequence = 0;
  std::string hash;
  sql << "SELECT sequence, hash FROM event_heads WHERE project = :project", soci::use(project),
      soci::into(sequence), soci::into(hash);
  if (check.intact()) check.End(sequence, hash);
  return check.result();
}

}  // namespace stackyard::stacks
