// Which metrics of projects there are, for those who look at all of them.
#pragma once

#include <soci/soci.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "services/quota/model.h"

namespace stackyard::quota {

// Metrics of projects that anybody ever held or set a limit of, with their versions.
struct VersionPage {
  std::vector<std::pair<MetricKey, int64_t>> versions;
  // How many there are, those beyond the page included.
  int64_t total = 0;
};

// The first `most` of all, by project and metric. Throws what SOCI throws.
VersionPage ListVersions(soci::session& sql, int most);

}  // namespace stackyard::quota
