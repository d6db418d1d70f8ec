// ID tokens, from a text to the person that an issuer vouches for.
//
// A token is verified once, on a thread of its own, and remembered by its hash until it ends. The
// network is asked on another thread for each issuer, so that one that is slow holds up nobody but
// those whose tokens wait for its keys.
#pragma once

#include <prometheus/registry.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "common/clock.h"
#include "services/gateway/external_user.h"
#include "services/gateway/issuer_keys.h"
#include "services/gateway/oidc_provider.h"
#include "services/gateway/work_queue.h"

namespace stackyard::gateway {

class IdTokenVerifier {
 public:
  using FetchFrom =
      std::function<absl::StatusOr<HttpDocument>(const OidcProvider&, const std::string& url)>;
  // TOKEN_INVALID tells why. DEPENDENCY_UNAVAILABLE when the issuer's keys cannot be had, or too
  // many tokens wait.
  using Done = std::function<void(absl::StatusOr<ExternalUserPtr>)>;

  // Begins to fetch the keys of all providers. `clock` and `registry` must outlive it.
  IdTokenVerifier(const std::vector<OidcProvider>& providers, FetchFrom fetch, const Clock& clock,
                  prometheus::Registry& registry);
  // Ends what goes on; `done` is called for all of it.
  ~IdTokenVerifier();

  // `hash` is of `token`. Calls `done` before it returns when the token is remembered.
  void Verify(const std::string& token, const std::string& hash, Done done);

 private:
  struct Issuer;
  // A token on its way.
  struct Work {
    std::string text;
    std::string hash;
    Done done;
  };
  using WorkPtr = std::shared_ptr<Work>;

  ExternalUserPtr Remembered(const std::string& hash, absl::Time now) const;
  void Remember(const std::string& hash, ExternalUserPtr person);
  // The first step, without the network.
  void Check(const WorkPtr& work);
  // The second, with what keys there are now. Where none fit they are fetched, unless `last`.
  void CheckSignature(const WorkPtr& work, const IdToken& token, Issuer& issuer, bool last);
  void FetchKeys(Issuer& issuer);
  void Finish(const WorkPtr& work, Issuer* issuer, absl::StatusOr<ExternalUserPtr> result);

  const Clock& clock_;
  std::atomic<bool> closing_{false};
  std::vector<std::unique_ptr<Issuer>> issuers_;
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::string, ExternalUserPtr> remembered_ ABSL_GUARDED_BY(mutex_);
  // Last: stops before what it uses goes.
  std::unique_ptr<WorkQueue> checks_;
};

}  // namespace stackyard::gateway
