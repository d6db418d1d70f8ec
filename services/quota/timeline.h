// What is held and allowed over time, for people to look at.
#pragma once

#include <vector>

#include "services/quota/span.h"

namespace stackyard::quota {

// What is held and allowed from `from` until the next step. Sums beyond the range of int64 end at
// its greatest value.
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

}  // namespace stackyard::quota
