// What happened to one reservation on one metric, as the log tells it to other replicas.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "services/quota/span.h"

namespace stackyard::quota {

// What a reservation that is COMMITTED holds of one metric.
struct Holding {
  std::string user;
  Span span;

  bool operator==(const Holding&) const = default;
};

// Says all that a replica must know to follow, so that it reads no other rows.
struct Change {
  // Of the reservation.
  std::string id;
  // As it stands now; 0 unless it is held.
  Holding holding;
  ReservationState state = ReservationState::kReleased;
  // While PENDING.
  absl::Time expire_time;
  // While PENDING: id of what it supersedes, and what that holds; empty and nullopt: nothing.
  std::string supersedes;
  std::optional<Holding> old;
  // What it held as COMMITTED until now. What it held as PENDING a replica knows by the id.
  int64_t committed_before = 0;

  bool operator==(const Change&) const = default;
};

// Changes of one version of a metric, a line each. In the log, the line `limits` stands for a
// change of limits or grants, which are few and are read from their rows again.
inline constexpr std::string_view kLimitsChanged = "limits\n";
void AppendLine(const Change& change, std::string& lines);

struct Changes {
  bool limits = false;
  std::vector<Change> reservations;
};
// nullopt when the lines were written by a program that says more than this one understands.
std::optional<Changes> ReadLines(std::string_view lines);

}  // namespace stackyard::quota
