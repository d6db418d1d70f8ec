// What other replicas change, seen by this process: every transaction writes the names that it
// touched as one row, and one query a moment for the whole process reads the rows behind the last.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/stacks/change.h"

namespace stackyard::stacks {

class ChangeTail {
 public:
  struct Listener {
    // Gets the names that other replicas touched; some of them twice.
    std::function<void(const std::set<std::string>&)> on_names;
    // Something may have been missed: everybody has to look.
    std::function<void()> on_gap;
  };

  ChangeTail(Store& store, Listener listener);

  // Reads what is new. After an error the next call reads it.
  absl::Status Look();
  // Drops rows that every replica has long read.
  absl::Status Prune();

 private:
  struct Row {
    int64_t id = 0;
    std::string origin, names;
  };
  absl::StatusOr<std::vector<Row>> Fetch();
  void Take(const std::vector<Row>& rows);

  Store& store_;
  const Listener listener_;
  // Highest id seen; -1: none yet.
  int64_t high_ = -1;
  // Ids below that are missing, and since when: numbers are given out before the commit, so that a
  // lower one may show later than a higher one. One that was rolled back never does.
  std::map<int64_t, absl::Time> missing_;
  absl::Time last_look_;
};

}  // namespace stackyard::stacks
