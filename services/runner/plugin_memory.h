// Answers of providers that are the same whenever the same is asked.
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace stackyard::runner {

// Questions and answers can hold secrets, so they are in memory alone, questions as digests. What
// was not used for longest goes first. Thread-safe.
class PluginMemory {
 public:
  explicit PluginMemory(size_t max_bytes = 32 << 20) : max_bytes_(max_bytes) {}

  // `scope` names all that the answer depends on besides the question.
  std::optional<std::string> Find(std::string_view scope, std::string_view method,
                                  std::string_view request);
  void Keep(std::string_view scope, std::string_view method, std::string_view request,
            std::string response);

 private:
  struct Answer {
    std::string key;
    std::string response;
  };

  const size_t max_bytes_;
  absl::Mutex mutex_;
  // Last used first.
  std::list<Answer> answers_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::list<Answer>::iterator> by_key_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace stackyard::runner
