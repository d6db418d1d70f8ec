// The keys of one issuer: fetched, kept, and fetched anew when they are old or one is missing.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/http_get.h"
#include "services/gateway/key_set.h"
#include "services/gateway/rate_limiter.h"

namespace stackyard::gateway {

class IssuerKeys {
 public:
  // Reads a document; blocks.
  using Fetch = std::function<absl::StatusOr<HttpDocument>(const std::string& url)>;

  // `on_failure` is called after each try that failed. `clock` must outlive it.
  IssuerKeys(std::string issuer, Fetch fetch, std::function<void()> on_failure, const Clock& clock);

  // What may be trusted now; null when nothing was fetched for a day, which is how long old keys
  // are kept while the issuer is away.
  std::shared_ptr<const KeySet> Current() const;
  // Whether the keys are older than the issuer says they should get: an hour where it says nothing,
  // 5 minutes to a day whatever it says.
  bool AreOld() const;

  // Fetches the discovery document, which must name this very issuer, and the keys that it points
  // to; blocks. Three times at once and then every 10 seconds at most, whoever asks and for
  // whatever reason; in between it does nothing and answers as the last time. UNAVAILABLE tells
  // what is wrong; keys stay as they were then.
  absl::Status Refresh();

 private:
  struct Keys {
    std::shared_ptr<const KeySet> set;
    absl::Time fetched = absl::InfinitePast();
    absl::Time old = absl::InfinitePast();
  };

  absl::StatusOr<Keys> Load() const;

  const std::string issuer_;
  const Fetch fetch_;
  const std::function<void()> on_failure_;
  const Clock& clock_;
  RateLimiter limit_;
  mutable absl::Mutex mutex_;
  Keys keys_ ABSL_GUARDED_BY(mutex_);
  // Of the last try.
  absl::Status last_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace stackyard::gateway
