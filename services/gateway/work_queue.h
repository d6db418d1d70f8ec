// A few threads for work that blocks, so that gRPC's own threads never do.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/work.h"

namespace stackyard::gateway {

class WorkQueue {
 public:
  // At most `limit` pieces of work wait.
  WorkQueue(const std::string& name, int threads, size_t limit);
  // Does what waits, then stops.
  ~WorkQueue();

  // False when too much waits already; then `work` is not done.
  bool Add(std::function<void()> work);

 private:
  void Run();

  const size_t limit_;
  absl::Mutex mutex_;
  std::deque<std::function<void()>> waiting_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Task> threads_;
};

}  // namespace stackyard::gateway
