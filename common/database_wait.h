// A start that comes before its database's.
#pragma once

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace stackyard {

class DatabaseWait {
 public:
  explicit DatabaseWait(absl::Duration limit);

  // Whether to try to open the database again after this failure: when nobody answered, and there
  // is time left. Waits a second before it says so; SIGTERM and SIGINT end the wait for good.
  bool Again(const absl::Status& failure);

 private:
  const absl::Duration limit_;
  const absl::Time end_;
  bool told_ = false;
};

// What `open` answers, which is called again as long as a DatabaseWait of this limit says so.
template <typename Open>
auto OpenWithin(absl::Duration limit, const Open& open) {
  DatabaseWait wait(limit);
  while (true) {
    auto opened = open();
    if (opened.ok() || !wait.Again(opened.status())) return opened;
  }
}

}  // namespace stackyard
