// Token buckets by key: each fills up steadily, and a call takes from it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace stackyard::gateway {

class RateLimiter {
 public:
  // `rate` is what comes back each second, `burst` what a full bucket holds; a rate of 0 limits
  // nothing. At most `most_keys` are remembered: the fullest that were longest unused are
  // forgotten, which gives away little.
  RateLimiter(double rate, double burst, size_t most_keys = 65'536);

  struct Answer {
    // When to come back; zero: admitted.
    absl::Duration wait;
    // The key was not limited before, so that it is news.
    bool first = false;
  };
  // Takes `cost` where the bucket holds as much, and nothing else. Known keys cost no allocation.
  Answer Take(std::string_view key, double cost, absl::Time now);
  // Takes more for what has happened already; the bucket may owe up to `burst`.
  void Charge(std::string_view key, double cost, absl::Time now);

  // How many keys are remembered.
  size_t size() const;

 private:
  struct Bucket {
    double held = 0;
    absl::Time filled;
    // Since it was last half full.
    bool limited = false;
  };
  struct Shard {
    mutable absl::Mutex mutex;
    absl::flat_hash_map<std::string, Bucket> buckets ABSL_GUARDED_BY(mutex);
  };
  static constexpr size_t kShards = 16;

  Shard& ShardOf(std::string_view key);
  // The bucket as it is now.
  Bucket& Fill(Shard& shard, std::string_view key, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex);
  double HeldAt(const Bucket& bucket, absl::Time now) const;
  void MakeRoom(Shard& shard, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex);

  const double rate_;
  const double burst_;
  const size_t most_in_shard_;
  std::array<Shard, kShards> shards_;
};

}  // namespace stackyard::gateway
