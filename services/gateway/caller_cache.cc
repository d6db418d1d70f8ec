#include "services/gateway/caller_cache.h"

#include <algorithm>
#include <utility>

#include "common/log.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "services/gateway/id_token.h"
#include "services/gateway/identity_schema.h"
#include "services/gateway/sign_in.h"
#include "services/gateway/token.h"
#include "services/gateway/token_store.h"

namespace stackyard::gateway {
namespace {

constexpr size_t kMostEntries = 50'000;
constexpr size_t kMostLookups = 1000;
constexpr int kLookupThreads = 3;
// Without word from the database for this long nothing remembered is trusted.
constexpr absl::Duration kTrusted = absl::Seconds(3);

}  // namespace

CallerCache::CallerCache(Database& database, const Clock& clock,
                         std::unique_ptr<IdTokenVerifier> id_tokens)
    : database_(database),
      clock_(clock),
      lookups_("token-lookup", kLookupThreads, kMostLookups),
      id_tokens_(std::move(id_tokens)) {}

CallerCache::~CallerCache() = default;

void CallerCache::Find(const std::string& token, Done done) {
  const bool api_token = LooksLikeToken(token);
  if (!api_token && (id_tokens_ == nullptr || !LooksLikeIdToken(token))) return done(nullptr);
  const std::string hash = TokenHash(token);
  const absl::Time now = clock_.TimeNow();
  if (const std::shared_ptr<Entry> entry = Lookup(hash, now); entry != nullptr) {
    return done(Admit(*entry, now));
  }
  if (!api_token) {
    return id_tokens_->Verify(
        token, hash, [this, hash, done = std::move(done)](absl::StatusOr<ExternalUserPtr> person) {
          if (!person.ok()) return done(person.status());
          FindVerified(hash, *std::move(person), done);
        });
  }
  Add(
      [this, hash](const Done& found) {
        const auto entry = Load(hash, [&](soci::session& sql) { return LoadCaller(sql, hash); });
        if (!entry.ok()) return found(entry.status());
        found(Admit(**entry, clock_.TimeNow()));
      },
      std::move(done));
}

void CallerCache::FindVerified(const std::string& hash, ExternalUserPtr person, Done done) {
  Add(
      [this, hash, person = std::move(person)](const Done& found) {
        const absl::StatusOr<std::string> user = SignIn(database_, *person, clock_.TimeNow());
        if (!user.ok()) return found(user.status());
        const auto entry = Load(
            hash, [&](soci::session& sql) { return LoadUser(sql, *user, person->expire_time); });
        if (!entry.ok()) return found(entry.status());
        found(Admit(**entry, clock_.TimeNow()));
      },
      std::move(done));
}

void CallerCache::Add(std::function<void(const Done&)> work, Done done) {
  // Held by both: whichever runs calls it.
  auto shared = std::make_shared<Done>(std::move(done));
  if (!lookups_.Add([work = std::move(work), shared] { work(*shared); })) {
    (*shared)(Error(v1::DEPENDENCY_UNAVAILABLE, "too many tokens are being looked up; try again"));
  }
}

std::shared_ptr<CallerCache::Entry> CallerCache::Lookup(const std::string& hash, absl::Time now) {
  absl::ReaderMutexLock lock(&mutex_);
  if (now - checked_ > kTrusted) return nullptr;
  const auto found = entries_.find(hash);
  if (found == entries_.end() || found->second->generation != generation_) return nullptr;
  return found->second;
}

absl::StatusOr<std::shared_ptr<CallerCache::Entry>> CallerCache::Load(const std::string& hash,
                                                                      const Loader& loader) {
  auto entry = std::make_shared<Entry>();
  // One snapshot for both: the entry can never be older than the generation that it bears.
  const absl::Status status = database_.Read([&](soci::session& sql) -> absl::Status {
    entry->generation = ReadGeneration(sql);
    ASSIGN_OR_RETURN(entry->caller, loader(sql));
    return absl::OkStatus();
  });
  if (ReasonOf(status) == v1::TOKEN_INVALID) return status;
  if (!status.ok()) {
    LogError("cannot look up a token", {{"error", status.ToString()}});
    return Error(v1::DEPENDENCY_UNAVAILABLE, "the identity database does not answer; try again");
  }
  Store(hash, entry);
  return entry;
}

void CallerCache::Store(const std::string& hash, std::shared_ptr<Entry> entry) {
  SetGeneration(entry->generation);
  absl::MutexLock lock(&mutex_);
  if (entries_.size() >= kMostEntries) entries_.clear();
  entries_[hash] = std::move(entry);
}

CallerPtr CallerCache::Admit(Entry& entry, absl::Time now) {
  if (entry.caller == nullptr || entry.caller->expire_time <= now) return nullptr;
  const int64_t minute = absl::ToUnixSeconds(now) / 60;
  if (!entry.caller->token_id.empty() &&
      entry.last_use_minute.exchange(minute, std::memory_order_relaxed) != minute) {
    absl::MutexLock lock(&mutex_);
    last_uses_[entry.caller->token_id] = absl::FromUnixSeconds(minute * 60);
  }
  return entry.caller;
}

void CallerCache::SetGeneration(int64_t generation) {
  absl::MutexLock lock(&mutex_);
  // Two readers may come here in the other order.
  if (generation > generation_) {
    generation_ = generation;
    entries_.clear();
  }
  checked_ = clock_.TimeNow();
}

void CallerCache::Refresh() {
  int64_t generation = 0;
  const absl::Status status = database_.Read([&](soci::session& sql) {
    generation = ReadGeneration(sql);
    return absl::OkStatus();
  });
  if (!status.ok()) {
    LogError("cannot read the generation", {{"error", status.ToString()}});
    return;
  }
  SetGeneration(generation);
}

absl::flat_hash_map<std::string, absl::Time> CallerCache::TakeLastUses() {
  absl::MutexLock lock(&mutex_);
  return std::exchange(last_uses_, {});
}

}  // namespace stackyard::gateway
