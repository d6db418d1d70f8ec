// Who sends a token, remembered. API tokens are looked up; ID tokens are verified first, and their
// people become users.
//
// Every change of users, roles, bindings and tokens moves a generation in the database on. What is
// remembered is good while its generation is the current one, which a background thread reads each
// second; what this process changes itself, it forgets at once. So a revoked token stops within
// two seconds everywhere, and a known token costs no SQL.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/sql.h"
#include "services/gateway/access.h"
#include "services/gateway/id_token_verifier.h"
#include "services/gateway/work_queue.h"

namespace stackyard::gateway {

class CallerCache {
 public:
  // A null pointer: nobody may be let in with this token; TOKEN_INVALID: neither, and the message
  // tells why. DEPENDENCY_UNAVAILABLE when the database or an issuer does not answer and nothing
  // fresh is remembered.
  using Done = std::function<void(absl::StatusOr<CallerPtr>)>;

  // Without `id_tokens` API tokens are the only ones.
  CallerCache(Database& database, const Clock& clock,
              std::unique_ptr<IdTokenVerifier> id_tokens = nullptr);
  // Ends what goes on; `done` is called for all of it.
  ~CallerCache();

  // Calls `done` before it returns when the token is known, else later from a thread of its own.
  void Find(const std::string& token, Done done);

  // Asks the database whether anything has changed.
  void Refresh();

  // Times at which tokens were last used, to the minute, since the last call of this; by token id.
  absl::flat_hash_map<std::string, absl::Time> TakeLastUses();

 private:
  struct Entry {
    int64_t generation = 0;
    // Null: the token is not valid.
    CallerPtr caller;
    // Whole minutes since 1970.
    std::atomic<int64_t> last_use_minute{0};
  };

  using Loader = std::function<absl::StatusOr<CallerPtr>(soci::session&)>;

  std::shared_ptr<Entry> Lookup(const std::string& hash, absl::Time now);
  // Calls `done` from a thread that may block.
  void FindVerified(const std::string& hash, ExternalUserPtr person, Done done);
  // Does `work`, or tells `done` that there is too much of it.
  void Add(std::function<void(const Done&)> work, Done done);
  absl::StatusOr<std::shared_ptr<Entry>> Load(const std::string& hash, const Loader& loader);
  void Store(const std::string& hash, std::shared_ptr<Entry> entry);
  // Who that is right now; notes the use.
  CallerPtr Admit(Entry& entry, absl::Time now);
  void SetGeneration(int64_t generation);

  Database& database_;
  const Clock& clock_;

  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, std::shared_ptr<Entry>> entries_ ABSL_GUARDED_BY(mutex_);
  int64_t generation_ ABSL_GUARDED_BY(mutex_) = 0;
  // When the generation was last read.
  absl::Time checked_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  absl::flat_hash_map<std::string, absl::Time> last_uses_ ABSL_GUARDED_BY(mutex_);
  // Stops before what it uses goes.
  WorkQueue lookups_;
  // Last: it leaves work to the queue.
  std::unique_ptr<IdTokenVerifier> id_tokens_;
};

}  // namespace stackyard::gateway
