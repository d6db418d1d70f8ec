// The arithmetic of admission: pure functions over step functions of time.
#pragma once

#include <optional>
#include <vector>

#include "services/quota/model.h"

namespace stackyard::quota {

// An amount for a window: what a reservation holds, or what a grant adds.
struct Span {
  Window window;
  int64_t amount = 0;
};

// What is held and allowed from `from` until the next step. Sums beyond the range of int64 end at
// its greatest value, at which nothing more is admitted.
struct Step {
  absl::Time from;
  int64_t used = 0;
  int64_t limit = 0;

  bool operator==(const Step&) const = default;
};

// What is held and allowed on one level, from an instant on and for good.
class Timeline {
 public:
  // Instants before `from` do not matter. Spans that end before they start add nothing.
  Timeline(absl::Time from, int64_t limit, const std::vector<Span>& grants,
           const std::vector<Span>& holds);

  // By time, the first at `from`; neighbours differ. The last one holds for good.
  const std::vector<Step>& steps() const { return steps_; }

 private:
  std::vector<Step> steps_;
};

// A wish for capacity on one level.
struct Ask {
  // Starts at or after the beginning of the timeline that it is checked against.
  Window window;
  int64_t amount = 0;
  // What the reservation to be superseded holds on this level. The timeline must leave it out:
  // while both are held the greater of the two counts, so a wish for no more than this is granted
  // within its window whatever the limit.
  std::optional<Span> replaces;
};

// Why an Ask is refused.
struct Shortage {
  // The tightest instant of the window, and what is allowed and held by others then.
  absl::Time at;
  int64_t used = 0;
  int64_t limit = 0;
  // First instant, not before the window's start, from which a window of that length would fit;
  // absent: never, as things stand.
  std::optional<absl::Time> fits_from;
};

// Whether used + amount stays within the limit at every instant of the window; nullopt: it does.
// `others` is what everybody else holds.
std::optional<Shortage> Check(const Timeline& others, const Ask& ask);

}  // namespace stackyard::quota
