// Counts what is open over all loops, and says when it is enough.
#pragma once

#include <prometheus/registry.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "services/gateway/front_options.h"

namespace stackyard::gateway {

// From any thread.
class FrontLimits {
 public:
  FrontLimits(const FrontOptions& options, prometheus::Registry& registry);

  // What a connection or call was ended for.
  enum class Limit {
    kConnections,
    kConnectionsPerAddress,
    kOpenCalls,
    kOpenCallsPerUser,
    kHeaderBytes,
    kMessageBytes,
    kHeldBytes,
    kControlFrames,
    kHandshake,
    kStalled,
  };
  void Count(Limit limit);

  // False, and counted, when there are enough; else to be followed by CloseConnection.
  bool TryOpenConnection(const std::string& address);
  void CloseConnection(const std::string& address);
  // Same, for calls.
  bool TryOpenCall();
  void CloseCall() { open_calls_.fetch_sub(1, std::memory_order_relaxed); }
  // Same, for the calls of one user, by id.
  bool TryOpenCallOf(const std::string& user);
  void CloseCallOf(const std::string& user);
  // Same, for calls of local routes: they need no token, and some of them a thread.
  bool TryOpenLocal();
  void CloseLocal() { open_local_.fetch_sub(1, std::memory_order_relaxed); }
  // Same, for bytes of messages that are held until they are whole.
  bool TryHold(size_t bytes);
  void LetGo(size_t bytes) { held_bytes_.fetch_sub(bytes, std::memory_order_relaxed); }

 private:
  const FrontOptions& options_;
  prometheus::Gauge& connections_;
  std::array<prometheus::Counter*, 10> limited_;
  std::atomic<int> open_calls_{0};
  std::atomic<int> open_local_{0};
  std::atomic<size_t> held_bytes_{0};
  absl::Mutex mutex_;
  int open_connections_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<std::string, int> by_address_ ABSL_GUARDED_BY(mutex_);
  // Calls go by here and connections do not: a lock of its own.
  absl::Mutex users_mutex_;
  absl::flat_hash_map<std::string, int> by_user_ ABSL_GUARDED_BY(users_mutex_);
};

// Tells a connection that misuses the protocol from a busy one: each use takes one of a number, a
// tenth of which comes back each second.
class FloodGuard {
 public:
  FloodGuard(int most, std::chrono::steady_clock::time_point now)
      : most_(most), left_(most), last_(now) {}

  // False when there is nothing left.
  bool Take(std::chrono::steady_clock::time_point now);
  void Refill() { left_ = most_; }

 private:
  const double most_;
  double left_;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace stackyard::gateway
