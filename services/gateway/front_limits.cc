#include "services/gateway/front_limits.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>

#include <algorithm>

namespace stackyard::gateway {
namespace {

// Calls of local routes at any time: health, and the reflection of a few clients.
constexpr int kMostLocal = 64;

constexpr std::array<const char*, 10> kNames = {"connections",  "connections_per_address",
                                                "open_calls",   "open_calls_per_user",
                                                "header_bytes", "message_bytes",
                                                "held_bytes",   "control_frames",
                                                "handshake",    "stalled"};

// Takes one of `most` for `key`; false when there are as many.
bool TryTake(absl::flat_hash_map<std::string, int>& counts, const std::string& key, int most) {
  const auto place = counts.try_emplace(key, 0).first;
  if (place->second >= most) return false;
  ++place->second;
  return true;
}

void GiveBack(absl::flat_hash_map<std::string, int>& counts, const std::string& key) {
  const auto place = counts.find(key);
  if (place != counts.end() && --place->second == 0) counts.erase(place);
}

}  // namespace

FrontLimits::FrontLimits(const FrontOptions& options, prometheus::Registry& registry)
    : options_(options),
      connections_(prometheus::BuildGauge()
                       .Name("stackyard_gateway_open_connections")
                       .Help("Connections of clients that are open now")
                       .Register(registry)
                       .Add({})) {
  auto& limited = prometheus::BuildCounter()
                      .Name("stackyard_gateway_limited_total")
                      .Help("Connections and calls that were refused or ended by a limit")
                      .Register(registry);
  for (size_t i = 0; i < kNames.size(); ++i) limited_[i] = &limited.Add({{"limit", kNames[i]}});
}

void FrontLimits::Count(Limit limit) { limited_[static_cast<size_t>(limit)]->Increment(); }

bool FrontLimits::TryOpenConnection(const std::string& address) {
  absl::MutexLock lock(&mutex_);
  if (open_connections_ >= options_.max_connections) {
    Count(Limit::kConnections);
    return false;
  }
  if (!TryTake(by_address_, address, options_.max_connections_per_address)) {
    Count(Limit::kConnectionsPerAddress);
    return false;
  }
  ++open_connections_;
  connections_.Increment();
  return true;
}

void FrontLimits::CloseConnection(const std::string& address) {
  absl::MutexLock lock(&mutex_);
  --open_connections_;
  connections_.Decrement();
  GiveBack(by_address_, address);
}

bool FrontLimits::TryOpenCall() {
  if (open_calls_.fetch_add(1, std::memory_order_relaxed) < options_.max_open_calls) return true;
  CloseCall();
  Count(Limit::kOpenCalls);
  return false;
}

bool FrontLimits::TryOpenCallOf(const std::string& user) {
  absl::MutexLock lock(&users_mutex_);
  if (TryTake(by_user_, user, options_.max_open_calls_per_user)) return true;
  Count(Limit::kOpenCallsPerUser);
  return false;
}

void FrontLimits::CloseCallOf(const std::string& user) {
  absl::MutexLock lock(&users_mutex_);
  GiveBack(by_user_, user);
}

bool FrontLimits::TryHold(size_t bytes) {
  const size_t most = static_cast<size_t>(options_.max_held_mib) << 20;
  if (held_bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= most) return true;
  LetGo(bytes);
  Count(Limit::kHeldBytes);
  return false;
}

bool FrontLimits::TryOpenLocal() {
  if (open_local_.fetch_add(1, std::memory_order_relaxed) < kMostLocal) return true;
  CloseLocal();
  Count(Limit::kOpenCalls);
  return false;
}

bool FloodGuard::Take(std::chrono::steady_clock::time_point now) {
  const double seconds = std::chrono::duration<double>(now - last_).count();
  last_ = now;
  left_ = std::min(most_, left_ + seconds * most_ / 10);
  if (left_ < 1) return false;
  left_ -= 1;
  return true;
}

}  // namespace stackyard::gateway
