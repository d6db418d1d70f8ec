// Denied calls: a log line, a metric and a row for each.
#pragma once

#include <prometheus/registry.h>

#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/sql.h"
#include "stackyard/v1/identity.pb.h"

namespace stackyard::gateway {

struct Denial {
  absl::Time time;
  // `users/{user}`; empty when there was no valid token.
  std::string caller;
  std::string method;
  // As the request named it; at most 200 bytes are kept.
  std::string resource;
  std::string permission;
  // Of errors.proto.
  std::string reason;
  std::string request_id;
  std::string peer;
};

class DenialLog {
 public:
  DenialLog(Database& database, prometheus::Registry& registry);
  // Writes what waits.
  ~DenialLog();

  // Never blocks. The row is written by the next Flush; when too many wait, only the log line and
  // the metric remain.
  void Record(Denial denial);

  // One page of denials, newest first, after those that wait here were written. INVALID_FIELD;
  // DEPENDENCY_UNAVAILABLE without a database.
  absl::StatusOr<v1::ListDenialsResponse> List(const v1::ListDenialsRequest& request);

  // Writes the rows that wait, and drops the oldest beyond the last 100,000.
  absl::Status Flush();

 private:
  Database& database_;
  prometheus::Family<prometheus::Counter>& count_;
  prometheus::Counter& lost_;
  absl::Mutex mutex_;
  std::vector<Denial> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace stackyard::gateway
