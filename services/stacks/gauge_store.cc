#include "services/stacks/gauge_store.h"

#include <algorithm>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/proto_time.h"
#include "common/resource_name.h"
#include "common/status.h"
#include "services/stacks/events.h"
#include "services/stacks/lifecycle.h"
#include "services/stacks/rows.h"
#include "services/stacks/sql_query.h"
#include "services/stacks/stack_index.h"

namespace stackyard::stacks {
namespace {

// Projects whose first event is looked at, to see how long it waits.
constexpr int kMostLooked = 100;

absl::Duration Since(int64_t micros, absl::Time now) {
  return std::max(now - FromMicros(micros), absl::ZeroDuration());
}

// By whether they are deliveries. Not asked for by their queue: most tasks are timers of one queue,
// and an index would be walked through.
void ReadDue(soci::session& sql, absl::Time now, Outbox& outbox) {
  std::vector<long long> delivery, count, first;
  SqlQuery query;
  query << "SELECT CASE WHEN queue = '' THEN 0 ELSE 1 END AS delivery, COUNT(*), MIN(due) "
           "FROM tasks WHERE due <= "
        << Bind(ToMicros(now)) << " GROUP BY delivery";
  query.Run(sql, 2, delivery, count, first);
  for (size_t i = 0; i < delivery.size(); ++i) {
    Backlog& backlog = delivery[i] != 0 ? outbox.deliveries : outbox.tasks;
    backlog = {count[i], Since(first[i], now)};
  }
}

constexpr char kUnannounced[] =
    " FROM event_heads h LEFT JOIN notice_cursors c ON c.project = h.project "
    "WHERE h.sequence > COALESCE(c.sequence, 0)";

Backlog ReadUnannounced(soci::session& sql, absl::Time now) {
  Backlog backlog;
  sql << absl::StrCat(
      "SELECT CAST(COALESCE(SUM(h.sequence - COALESCE(c.sequence, 0)), 0) AS BIGINT)",
      kUnannounced),
      soci::into(backlog.count);
  std::vector<std::string> projects;
  std::vector<long long> firsts;
  SqlQuery query;
  query << "SELECT h.project, COALESCE(c.sequence, 0) + 1" << kUnannounced << " LIMIT "
        << Bind(int64_t{kMostLooked});
  query.Run(sql, kMostLooked, projects, firsts);
  for (size_t i = 0; i < projects.size(); ++i) {
    const auto first = FindEvent(sql, projects[i], firsts[i]);
    // One that cannot be read hides no others.
    if (first.ok()) backlog.oldest = std::max(backlog.oldest, now - FromProto(first->time()));
  }
  return backlog;
}

}  // namespace

QueueDepth ReadQueueDepth(soci::session& sql, absl::Time now) {
  std::vector<long long> leased, count, first;
  SqlQuery query;
  query << "SELECT leased, COUNT(*), MIN(enqueue_micros) FROM queue GROUP BY leased";
  query.Run(sql, 2, leased, count, first);
  QueueDepth depth;
  for (size_t i = 0; i < leased.size(); ++i) {
    if (leased[i] != 0) {
      depth.running = count[i];
    } else {
      depth.queued = {count[i], Since(first[i], now)};
    }
  }
  return depth;
}

std::map<v1::Stack::State, int64_t> CountStacks(soci::session& sql) {
  std::map<v1::Stack::State, int64_t> counts;
  std::map<std::string, v1::Stack::State> states;
  for (int number = v1::Stack::State_MIN + 1; number <= v1::Stack::State_MAX; ++number) {
    const auto state = static_cast<v1::Stack::State>(number);
    if (!HoldsName(state)) continue;
    states[StateTerm(state)] = state;
    counts[state] = 0;
  }
  SqlQuery query;
  query << "SELECT term, COUNT(*) FROM stack_terms WHERE term IN (";
  for (const auto& [term, state] : states) {
    query << (term == states.begin()->first ? "" : ", ") << Bind(term);
  }
  query << ") AND live = 1 GROUP BY term";
  std::vector<std::string> terms;
  std::vector<long long> found;
  query.Run(sql, static_cast<int>(states.size()), terms, found);
  for (size_t i = 0; i < terms.size(); ++i) counts[states.at(terms[i])] = found[i];
  return counts;
}

int64_t CountEndingLeases(soci::session& sql, absl::Time now, absl::Duration within) {
  int64_t count = 0;
  const int64_t from = ToMicros(now), until = ToMicros(now + within);
  sql << "SELECT COUNT(*) FROM stacks WHERE lease_end_micros > 0 AND lease_end_micros > :now "
         "AND lease_end_micros <= :until",
      soci::use(from), soci::use(until), soci::into(count);
  return count;
}

absl::StatusOr<WaitingRequests> ReadWaitingRequests(soci::session& sql, absl::Time now) {
  WaitingRequests waiting;
  for (int type = v1::ChangeRequest::Type_MIN + 1; type <= v1::ChangeRequest::Type_MAX; ++type) {
    waiting.by_type[static_cast<v1::ChangeRequest::Type>(type)] = 0;
  }
  // Each request that waits has a task that is to expire it, and an index lists those.
  std::vector<std::string> tasks;
  {
    const soci::rowset<std::string> rows =
        (sql.prepare << "SELECT name FROM tasks WHERE substr(name, 1, 7) = 'expire/'");
    tasks.assign(rows.begin(), rows.end());
  }
  std::string project, body;
  int64_t number = 0;
  soci::statement find =
      (sql.prepare << "SELECT body FROM change_requests WHERE project = :project "
                      "AND number = :number",
       soci::use(project), soci::use(number), soci::into(body));
  for (const std::string& task : tasks) {
    // One that cannot be read must not silence the others.
    const auto parts = ParseName("task", task, "expire/projects/*/changeRequests/*");
    if (!parts.ok()) continue;
    project = (*parts)[0];
    if (!absl::SimpleAtoi((*parts)[1], &number) || !find.execute(true)) continue;
    const auto request = Unpacked<v1::ChangeRequest>(body);
    if (!request.ok()) continue;
    ++waiting.by_type[request->type()];
    waiting.oldest = std::max(waiting.oldest, now - FromProto(request->create_time()));
  }
  return waiting;
}

Outbox ReadOutbox(soci::session& sql, absl::Time now) {
  Outbox outbox;
  ReadDue(sql, now, outbox);
  outbox.notices = ReadUnannounced(sql, now);
  return outbox;
}

}  // namespace stackyard::stacks
