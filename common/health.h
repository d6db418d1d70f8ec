// What a process tells those who probe it, by grpc.health.v1.
//
// Two questions have two names, because their answers lead to different deeds:
//   liveness   SERVING for as long as the process answers at all. Who hears anything else may end
//              it. Nothing that other processes do, a database's outage say, ever changes it, and a
//              drain does not either.
//   readiness  SERVING while calls should be sent here: not before the process has all that it
//              needs, and not from the beginning of a drain on.
// The empty name is what balancers ask for: the same as readiness. Other names are NOT_FOUND.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/work.h"

namespace grpc {
class HealthCheckServiceInterface;
}  // namespace grpc

namespace stackyard {

inline constexpr char kLiveness[] = "liveness";
inline constexpr char kReadiness[] = "readiness";

// Thread-safe. Must outlive the servers that tell it.
class Health {
 public:
  // Not ready. `listen`, `host:port`, serves health in plain text and nothing else, to anybody: for
  // a kubelet, which has no certificate. Empty: nowhere. UNAVAILABLE with one line that says what
  // is wrong with --health-listen.
  static absl::StatusOr<std::unique_ptr<Health>> Open(const std::string& listen);
  ~Health();

  // After Drain: without effect.
  void SetReady(bool ready);
  // Not ready, for good.
  void Drain();
  bool ready() const;

  // A server tells the same, from now on and until Remove.
  void Add(grpc::HealthCheckServiceInterface* told);
  void Remove(grpc::HealthCheckServiceInterface* told);

  // Where it listens; empty: nowhere.
  const std::string& target() const { return target_; }

 private:
  struct Listener;
  Health();
  void Tell(grpc::HealthCheckServiceInterface* told) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable absl::Mutex mutex_;
  bool ready_ ABSL_GUARDED_BY(mutex_) = false;
  bool drained_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<grpc::HealthCheckServiceInterface*> told_ ABSL_GUARDED_BY(mutex_);
  std::string target_;
  std::unique_ptr<Listener> listener_;
};

// Keeps a process ready while a check of what it cannot do without, its database, succeeds. It is
// ready from the first success on; after that only failures one after the other say that it is not,
// so that a hiccup takes no replica away. A check that is slow says nothing: under load all
// replicas are slow, and the fewer are left, the slower.
class ReadyWhile {
 public:
  // `check` is called on a thread of this object, `pause` apart.
  ReadyWhile(Health& health, std::function<absl::Status()> check,
             absl::Duration pause = absl::Seconds(2));

 private:
  absl::Duration Look();

  Health& health_;
  const std::function<absl::Status()> check_;
  const absl::Duration pause_;
  int failures_ = 0;
  bool was_ready_ = false;
  // Last: its thread uses the rest.
  Loop loop_;
};

}  // namespace stackyard
