#include "services/gateway/front_limits.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>

#include <algorithm>

namespace stackyard::gateway {
namespace {

// Calls of local routes at any time: health, and the reflection of a few clients.
constexpr int kMostLocal = 64;

constexpr std::array<const char*, 8> kNames = {
    "connections",   "connections_per_address", "open_calls", "header_bytes",
    "message_bytes", "control_frames",          "handshake",  "stalled"};

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
  const auto place = by_address_.try_emplace(address, 0).first;
  if (place->second >= options_.max_connections_per_address) {
    Count(Limit::kConnectionsPerAddress);
    return false;
  }
  ++place->second;
  ++open_connections_;
  connections_.Increment();
  return true;
}

void FrontLimits::CloseConnection(const std::string& address) {
  absl::MutexLock lock(&mutex_);
  --open_connections_;
  connections_.Decrement();
  const auto place = by_address_.find(address);
  if (place != by_address_.end() && --place->second == 0) by_address_.erase(place);
}

bool FrontLimits::TryOpenCall() {
  if (open_calls_.fetch_add(1, std::memory_order_relaxed) < options_.max_open_calls) return true;
  CloseCall();
  Count(Limit::kOpenCalls);
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
