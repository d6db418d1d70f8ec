// The nouns of the quota service. Amounts are whole numbers of the metric's unit, 0 or more.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace stackyard::quota {

// From `start`, inclusive, until `end`, exclusive.
struct Window {
  absl::Time start;
  absl::Time end;

  bool Contains(absl::Time time) const { return start <= time && time < end; }
  absl::Duration length() const { return end - start; }

  bool operator==(const Window&) const = default;
};

// Amount by metric id.
using Amounts = std::map<std::string, int64_t, std::less<>>;
using MetricIds = std::set<std::string>;

// 0 for a metric that is not there.
inline int64_t AmountOf(const Amounts& amounts, std::string_view metric) {
  const auto found = amounts.find(metric);
  return found == amounts.end() ? 0 : found->second;
}

// What a limit is for: one metric of a project, or of one user in it.
struct Level {
  std::string metric;
  // User id; empty: the project as a whole; in limits also `-`, each user.
  std::string user;

  // clang-tidy 14 takes the 0 that this compares with for a pointer.
  // NOLINTNEXTLINE(modernize-use-nullptr)
  auto operator<=>(const Level&) const = default;
};

// One metric of one project: what has a version.
struct MetricKey {
  std::string project;
  std::string metric;

  // NOLINTNEXTLINE(modernize-use-nullptr)
  auto operator<=>(const MetricKey&) const = default;
};

// User of the limit that holds for each user without one of their own.
inline constexpr std::string_view kEachUser = "-";

// `projects/{project}/quota/reservations/{id}`.
struct ReservationName {
  std::string project;
  std::string id;

  std::string ToString() const { return "projects/" + project + "/quota/reservations/" + id; }

  // NOLINTNEXTLINE(modernize-use-nullptr)
  auto operator<=>(const ReservationName&) const = default;
};

// As stored: PENDING is stored until somebody marks the row, though the reservation holds nothing
// from `expire_time` on. Ask StateAt.
enum class ReservationState { kPending = 1, kCommitted = 2, kReleased = 3 };

struct Reservation {
  ReservationName name;
  ReservationState state = ReservationState::kPending;
  // User id that it counts against besides the project; empty: the project alone.
  std::string user;
  std::string holder;
  Window window;
  absl::Time expire_time;
  // Id in the same project of the reservation that this one takes the place of; empty: none.
  std::string supersedes;
  // What was asked for.
  Amounts reserved;
  // What is held now.
  Amounts amounts;
  // How much of it admission has vouched for without a break: never more than was held at any
  // time since. What is held beyond it makes the reservation over_reserved.
  Amounts admitted;
  bool over_reserved = false;
  // It was PENDING when its time was up. Release takes this away: then it is RELEASED for good.
  bool expired = false;
  absl::Time create_time;
  absl::Time update_time;
  // Digest of what was asked for; tells a replay from another request.
  std::string fingerprint;

  ReservationState StateAt(absl::Time now) const {
    return state == ReservationState::kPending && expire_time <= now ? ReservationState::kReleased
                                                                     : state;
  }
  bool HeldAt(absl::Time now) const { return StateAt(now) != ReservationState::kReleased; }
};

}  // namespace stackyard::quota
