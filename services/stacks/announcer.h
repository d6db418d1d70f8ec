// Reads the event logs and writes what follows from each event for people: the notice, and a task
// for each delivery. The log is the outbox: what is behind a project's cursor is announced, and the
// cursor moves in the transaction that writes what was announced. So a crash at any line announces
// an event neither twice nor not at all, and any number of replicas may try.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "services/stacks/change.h"
#include "services/stacks/channel_store.h"
#include "services/stacks/notice_rules.h"

namespace stackyard::stacks {

class Announcer {
 public:
  explicit Announcer(Store& store) : store_(store) {}

  // Announces what is new. Answers how many events there were.
  absl::StatusOr<int> RunDue();

  // Until the signals are closed: announces what is new, and waits for more.
  void Serve();

 private:
  // The next events of a project; 0 when another replica is at it.
  absl::StatusOr<int> Announce(const std::string& project);

  Store& store_;
};

}  // namespace stackyard::stacks
