// What admission reads.
#pragma once

#include <optional>
#include <string_view>

#include "services/quota/admission.h"

namespace stackyard::quota {

// One project's capacity as it stood at one instant, under the locks of its metrics where a
// decision hangs on it. A backing other than rows (a tree kept up to date per metric, checked by
// the version that Tx::Lock answers) only has to answer the same.
class Capacity {
 public:
  virtual ~Capacity() = default;
  // What is allowed on a level, and what all reservations but `except` (an id; empty: none) hold,
  // from `from` on. nullopt: the level has no limit.
  virtual std::optional<Timeline> Others(const Level& level, absl::Time from,
                                         std::string_view except) const = 0;
};

}  // namespace stackyard::quota
