// A unit of work: what is written through one Change commits together, and who waits for it is
// woken after the commit.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/id.h"
#include "common/principal.h"
#include "common/sealer.h"
#include "common/sql.h"
#include "common/work.h"

namespace stackyard::stacks {

// What happened in a transaction that others wait for.
struct Touched {
  // There may be work for runners.
  bool queue = false;
  // There may be tasks that are due.
  bool tasks = false;
  // There are new events.
  bool events = false;
  // Names of resources that changed.
  std::set<std::string> names;
};

// Wakes waiters of this process. Those who wait for a name hear of other replicas by ChangeTail;
// the rest look at the database every now and then.
class Signals {
 public:
  Notifier queue;
  Notifier tasks;
  Notifier events;
  // Any resource changed; long waits look again.
  Notifier resources;

  void Fire(const Touched& touched) {
    if (touched.queue) queue.Notify();
    if (touched.tasks) tasks.Notify();
    if (touched.events) events.Notify();
    if (!touched.names.empty()) resources.Notify();
    if (on_names && !touched.names.empty()) on_names(touched.names);
  }
  void Close() {
    queue.Close();
    tasks.Close();
    events.Close();
    resources.Close();
  }
  // Set before the first Fire: gets the names that changed.
  std::function<void(const std::set<std::string>&)> on_names;
};

// Who does something.
struct Actor {
  // `users/{user}`, `runners/{runner}` or `system`.
  std::string name = "system";
  std::string request_id;
};

inline Actor ActorOf(const Principal& caller) { return {caller.user(), caller.request_id()}; }

struct Change {
  soci::session& sql;
  const Database& db;
  const absl::Time now;
  const Actor& actor;
  // Seals what is secret in rows.
  const Sealer& sealer;
  Touched touched;
};

// Tells other replicas which names changed, in the transaction that changes them. `origin` is this
// process.
void WriteTouches(Change& change, const std::string& origin);

class Store {
 public:
  Store(Database& db, const Clock& clock, Signals& signals, const Sealer& sealer)
      : db_(db), clock_(clock), signals_(signals), sealer_(sealer), origin_(RandomId()) {}

  absl::Status Write(const Actor& actor, const std::function<absl::Status(Change&)>& body) {
    Touched touched;
    const absl::Time now = clock_.TimeNow();
    absl::Status status = db_.Write([&](soci::session& sql) {
      Change change{sql, db_, now, actor, sealer_, {}};
      absl::Status result = body(change);
      if (result.ok()) WriteTouches(change, origin_);
      touched = std::move(change.touched);
      return result;
    });
    if (status.ok()) signals_.Fire(touched);
    return status;
  }

  template <typename T>
  absl::StatusOr<T> WriteValue(const Actor& actor,
                               const std::function<absl::StatusOr<T>(Change&)>& body) {
    absl::StatusOr<T> result = absl::UnknownError("not run");
    absl::Status status = Write(actor, [&](Change& change) {
      result = body(change);
      return result.status();
    });
    if (!status.ok()) return status;
    return result;
  }

  absl::Status Read(const Database::Body& body) { return db_.Read(body); }

  template <typename T>
  absl::StatusOr<T> ReadValue(const std::function<absl::StatusOr<T>(soci::session&)>& body) {
    return db_.ReadValue<T>(body);
  }

  // See Database::DataVersion.
  std::optional<int64_t> DataVersion() { return db_.DataVersion(); }

  absl::Time Now() const { return clock_.TimeNow(); }
  Signals& signals() { return signals_; }
  const Sealer& sealer() const { return sealer_; }
  const std::string& origin() const { return origin_; }

 private:
  Database& db_;
  const Clock& clock_;
  Signals& signals_;
  const Sealer sealer_;
  // Tells this process from other replicas.
  const std::string origin_;
};

}  // namespace stackyard::stacks
