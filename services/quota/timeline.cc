#include "services/quota/timeline.h"

#include <algorithm>
#include <map>

#include "services/quota/admission.h"

namespace stackyard::quota {

Timeline::Timeline(absl::Time from, int64_t limit, const std::vector<Span>& grants,
                   const std::vector<Span>& holds) {
  struct Change {
    absl::int128 used = 0;
    absl::int128 limit = 0;
  };
  std::map<absl::Time, Change> changes;
  changes[from].limit = limit;
  const auto add = [&](const Span& span, absl::int128 Change::*field) {
    if (span.window.end <= from || span.window.end <= span.window.start) return;
    changes[std::max(span.window.start, from)].*field += span.amount;
    changes[span.window.end].*field -= span.amount;
  };
  for (const Span& grant : grants) add(grant, &Change::limit);
  for (const Span& hold : holds) add(hold, &Change::used);

  // Sums are kept exact and only cut off where they are shown.
  Change now;
  for (const auto& [time, change] : changes) {
    now.used += change.used;
    now.limit += change.limit;
    const Step step{time, Saturate(now.used), Saturate(now.limit)};
    if (steps_.empty() || steps_.back().used != step.used || steps_.back().limit != step.limit) {
      steps_.push_back(step);
    }
  }
}

}  // namespace stackyard::quota
