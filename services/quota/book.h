// One project's limits, grants and reservations, read from rows, and what follows from them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "services/quota/model.h"
#include "services/quota/timeline.h"

namespace stackyard::quota {

// Capacity added to a level for a time.
struct Grant {
  Level level;
  Span span;
};

struct Book {
  struct Metric {
    std::string unit;
    int64_t default_limit = 0;
  };
  // By id. Nothing below is about other metrics, save for amounts of reservations.
  std::map<std::string, Metric, std::less<>> metrics;
  std::map<Level, int64_t> limits;
  std::vector<Grant> grants;
  // Those that hold something, now or later.
  std::vector<Reservation> held;
};

// Held on one level at one instant.
struct UsageAt {
  int64_t limit = 0;
  int64_t committed = 0;
  int64_t pending = 0;

  bool over_committed() const { return committed > limit - pending; }
};

class BookCapacity {
 public:
  explicit BookCapacity(Book book);

  // Limits, grants and holds of a level, for people: a user without a limit of their own is shown
  // that of the project.
  Timeline Series(const Level& level, absl::Time from) const;
  // The same at one instant.
  UsageAt At(const Level& level, absl::Time now) const;
  // Users who have a limit of their own for the metric or hold some of it at `now`.
  std::vector<std::string> UsersOf(const std::string& metric, absl::Time now) const;

  const Book& book() const { return book_; }

 private:
  // The limit without grants: of the user, else of each user, else none; for a project its own,
  // else the metric's default.
  std::optional<int64_t> PermanentLimit(const Level& level) const;
  // What a reservation adds to a level. A PENDING one adds only what goes beyond the one that it
  // supersedes, for the time that both are held.
  std::vector<Span> SpansOf(const Reservation& reservation, const Level& level) const;
  std::vector<Span> GrantsOf(const Level& level) const;
  // The level whose limit people are shown.
  Level Shown(const Level& level) const;

  Book book_;
  // Points into book_.held.
  std::map<std::string, const Reservation*, std::less<>> by_id_;
};

}  // namespace stackyard::quota
