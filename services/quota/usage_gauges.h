// What Prometheus is told of what projects use and may use.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <map>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "common/clock.h"
#include "services/quota/book.h"
#include "services/quota/store.h"

namespace stackyard::quota {

// Shows, of each metric of a project that anybody ever held or set a limit of, what ListUsage says
// of it. A project is read anew when the version of one of its metrics has moved on, or time has
// passed a start or an end within it: so a look costs what changed since the last.
class UsageGauges final : public prometheus::Collectable {
 public:
  // `most_series` bounds the time series; what is beyond, in the order of projects and metrics, is
  // left out and counted. Store and clock must outlive the object.
  UsageGauges(Store& store, const Clock& clock, int most_series);

  // Looks at the database. One call at a time.
  absl::Status Refresh();
  // What the last Refresh found.
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  struct Line {
    std::string project, metric;
    UsageAt usage;
  };
  struct Known {
    std::map<std::string, int64_t> versions;
    // By metric; as it is until `good_until`.
    std::map<std::string, UsageAt> usage;
    absl::Time good_until;
  };
  absl::Status Read(const std::string& project, absl::Time now, Known& known);

  Store& store_;
  const Clock& clock_;
  const int most_lines_;
  // By project. Refresh's own.
  std::map<std::string, Known> known_;
  mutable absl::Mutex mutex_;
  std::vector<Line> lines_ ABSL_GUARDED_BY(mutex_);
  int64_t omitted_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace stackyard::quota
