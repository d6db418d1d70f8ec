#include "services/gateway/rate_limiter.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/hash/hash.h"

namespace stackyard::gateway {
namespace {

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

RateLimiter::RateLimiter(double rate, double burst, size_t most_keys)
    : rate_(rate),
      burst_(std::max(burst, 1.0)),
      most_in_shard_(std::max<size_t>(most_keys / kShards, 1)) {}

RateLimiter::Shard& RateLimiter::ShardOf(std::string_view key) {
  return shards_[absl::HashOf(View(key)) % kShards];
}

double RateLimiter::HeldAt(const Bucket& bucket, absl::Time now) const {
  const double since = absl::ToDoubleSeconds(now - bucket.filled);
  // Clocks go back now and then; that takes nothing away.
  return std::min(burst_, bucket.held + std::max(since, 0.0) * rate_);
}

RateLimiter::Bucket& RateLimiter::Fill(Shard& shard, std::string_view key, absl::Time now) {
  auto found = shard.buckets.find(View(key));
  if (found == shard.buckets.end()) {
    if (shard.buckets.size() >= most_in_shard_) MakeRoom(shard, now);
    found = shard.buckets.emplace(std::string(key), Bucket{burst_, now}).first;
    return found->second;
  }
  Bucket& bucket = found->second;
  bucket.held = HeldAt(bucket, now);
  bucket.filled = now;
  return bucket;
}

void RateLimiter::MakeRoom(Shard& shard, absl::Time now) {
  // A full bucket says no more than a new one.
  absl::erase_if(shard.buckets,
                 [&](const auto& entry) { return HeldAt(entry.second, now) >= burst_; });
  if (shard.buckets.size() < most_in_shard_) return;
  // An eighth at once, so that a flood of new keys does not sort again for each.
  std::vector<std::pair<absl::Time, std::string>> oldest;
  for (const auto& [key, bucket] : shard.buckets) oldest.emplace_back(bucket.filled, key);
  const auto end = oldest.begin() + static_cast<ptrdiff_t>(oldest.size() / 8 + 1);
  std::partial_sort(oldest.begin(), end, oldest.end());
  for (auto it = oldest.begin(); it != end; ++it) shard.buckets.erase(it->second);
}

RateLimiter::Answer RateLimiter::Take(std::string_view key, double cost, absl::Time now) {
  if (rate_ <= 0) return {};
  Shard& shard = ShardOf(key);
  absl::MutexLock lock(&shard.mutex);
  Bucket& bucket = Fill(shard, key, now);
  if (bucket.held >= cost) {
    bucket.held -= cost;
    if (bucket.held >= burst_ / 2) bucket.limited = false;
    return {};
  }
  return {absl::Seconds((cost - bucket.held) / rate_), !std::exchange(bucket.limited, true)};
}

void RateLimiter::Charge(std::string_view key, double cost, absl::Time now) {
  if (rate_ <= 0) return;
  Shard& shard = ShardOf(key);
  absl::MutexLock lock(&shard.mutex);
  Bucket& bucket = Fill(shard, key, now);
  bucket.held = std::max(bucket.held - cost, -burst_);
}

size_t RateLimiter::size() const {
  size_t sum = 0;
  for (const Shard& shard : shards_) {
    absl::MutexLock lock(&shard.mutex);
    sum += shard.buckets.size();
  }
  return sum;
}

}  // namespace stackyard::gateway
