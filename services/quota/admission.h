// The arithmetic of admission.
#pragma once

#include <optional>

#include "services/quota/capacity_tree.h"

namespace stackyard::quota {

// A wish for capacity on one level.
struct Ask {
  // Starts at or after the instants that the tree has forgotten.
  Window window;
  int64_t amount = 0;
  // What the reservation to be superseded holds on this level. The tree must leave it out: while
  // both are held the greater of the two counts, so a wish for no more than this is granted within
  // its window whatever the limit.
  std::optional<Span> replaces;
};

// Why an Ask is refused.
struct Shortage {
  // The tightest instant of the window, the first of them, and what is allowed and held by others
  // then. Sums beyond the range of int64 are shown as its greatest value.
  absl::Time at;
  int64_t used = 0;
  int64_t limit = 0;
  // First instant, not before the window's start, from which a window of that length would fit;
  // absent: never, as things stand.
  std::optional<absl::Time> fits_from;
};

// Whether what others hold and the amount stay within the permanent limit and the grants at every
// instant of the window; nullopt: they do. Takes O(log n) in the number of changes over time, and
// as much again for each stretch that is too full or too short on the way to `fits_from`.
std::optional<Shortage> Check(const CapacityTree& others, int64_t limit, const Ask& ask);

// The greatest value of int64 for what lies beyond it.
int64_t Saturate(absl::int128 value);

}  // namespace stackyard::quota
