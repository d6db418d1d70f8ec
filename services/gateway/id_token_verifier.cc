#include "services/gateway/id_token_verifier.h"

#include <prometheus/counter.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace stackyard::gateway {
namespace {

constexpr int kCheckThreads = 2;
constexpr size_t kMostWaiting = 1000;
constexpr size_t kMostRemembered = 20'000;

absl::Status Refused(std::string_view why) {
  return Error(v1::TOKEN_INVALID, absl::StrCat("the ID token is refused: ", std::string(why)));
}

absl::Status TooMany() {
  return Error(v1::DEPENDENCY_UNAVAILABLE, "too many ID tokens are being verified; try again");
}

}  // namespace

struct IdTokenVerifier::Issuer {
  Issuer(const OidcProvider& provider, const FetchFrom& fetch, const Clock& clock)
      : provider(provider),
        keys(
            provider.issuer,
            [provider, fetch](const std::string& url) { return fetch(provider, url); },
            [this] { failed_fetches->Increment(); }, clock) {}

  const OidcProvider provider;
  IssuerKeys keys;
  prometheus::Counter* accepted = nullptr;
  prometheus::Counter* refused = nullptr;
  prometheus::Counter* unavailable = nullptr;
  prometheus::Counter* failed_fetches = nullptr;
  // Old keys are being fetched anew.
  std::atomic<bool> renewing{false};
  // Last: stops before what it uses goes.
  std::unique_ptr<WorkQueue> fetches;
};

IdTokenVerifier::IdTokenVerifier(const std::vector<OidcProvider>& providers, FetchFrom fetch,
                                 const Clock& clock, prometheus::Registry& registry)
    : clock_(clock) {
  auto& tokens = prometheus::BuildCounter()
                     .Name("stackyard_gateway_id_tokens_total")
                     .Help("ID tokens that were verified, by issuer and result")
                     .Register(registry);
  auto& failures = prometheus::BuildCounter()
                       .Name("stackyard_gateway_issuer_failures_total")
                       .Help("Times that an issuer's keys could not be fetched")
                       .Register(registry);
  for (const OidcProvider& provider : providers) {
    Issuer& issuer = *issuers_.emplace_back(std::make_unique<Issuer>(provider, fetch, clock));
    const std::string& name = provider.issuer;
    issuer.accepted = &tokens.Add({{"issuer", name}, {"result", "accepted"}});
    issuer.refused = &tokens.Add({{"issuer", name}, {"result", "refused"}});
    issuer.unavailable = &tokens.Add({{"issuer", name}, {"result", "unavailable"}});
    issuer.failed_fetches = &failures.Add({{"issuer", name}});
    issuer.fetches = std::make_unique<WorkQueue>("issuer-keys", 1, kMostWaiting);
    issuer.fetches->Add([this, &issuer] { FetchKeys(issuer); });
  }
  checks_ = std::make_unique<WorkQueue>("id-token", kCheckThreads, kMostWaiting);
}

IdTokenVerifier::~IdTokenVerifier() {
  // Nobody waits for the network now.
  closing_ = true;
  checks_.reset();
  // Before what their last answers are remembered in.
  for (const auto& issuer : issuers_) issuer->fetches.reset();
}

void IdTokenVerifier::Verify(const std::string& token, const std::string& hash, Done done) {
  if (ExternalUserPtr person = Remembered(hash, clock_.TimeNow()); person != nullptr) {
    return done(std::move(person));
  }
  auto work = std::make_shared<Work>(Work{token, hash, std::move(done)});
  if (!checks_->Add([this, work] { Check(work); })) Finish(work, nullptr, TooMany());
}

ExternalUserPtr IdTokenVerifier::Remembered(const std::string& hash, absl::Time now) const {
  absl::ReaderMutexLock lock(&mutex_);
  const auto found = remembered_.find(hash);
  return found == remembered_.end() || found->second->expire_time <= now ? nullptr : found->second;
}

void IdTokenVerifier::Remember(const std::string& hash, ExternalUserPtr person) {
  const absl::Time now = clock_.TimeNow();
  absl::MutexLock lock(&mutex_);
  if (remembered_.size() >= kMostRemembered) {
    absl::erase_if(remembered_,
                   [&](const auto& entry) { return entry.second->expire_time <= now; });
  }
  // To verify all of them once more is better than to grow.
  if (remembered_.size() >= kMostRemembered) remembered_.clear();
  remembered_[hash] = std::move(person);
}

void IdTokenVerifier::Check(const WorkPtr& work) {
  const absl::StatusOr<IdToken> token = ParseIdToken(work->text);
  if (!token.ok()) return Finish(work, nullptr, token.status());
  Issuer* issuer = nullptr;
  for (const auto& one : issuers_) {
    if (one->provider.issuer == token->issuer) issuer = one.get();
  }
  if (issuer == nullptr) return Finish(work, nullptr, Refused("its issuer is not known here"));
  // Cheap, and true of most tokens that are refused: they have expired.
  const absl::Status fit = CheckIdToken(*token, issuer->provider, clock_.TimeNow());
  if (!fit.ok()) return Finish(work, issuer, fit);
  CheckSignature(work, *token, *issuer, false);
}

void IdTokenVerifier::CheckSignature(const WorkPtr& work, const IdToken& token, Issuer& issuer,
                                     bool last) {
  const std::shared_ptr<const KeySet> keys = issuer.keys.Current();
  const KeySet::Verdict verdict =
      keys == nullptr ? KeySet::Verdict::kUnknownKey : keys->Verify(token);
  if (keys != nullptr && issuer.keys.AreOld() && !issuer.renewing.exchange(true)) {
    // With a full queue the keys are about to be asked for anyway.
    if (closing_ || !issuer.fetches->Add([this, &issuer] { FetchKeys(issuer); })) {
      issuer.renewing = false;
    }
  }
  if (verdict == KeySet::Verdict::kForged) {
    return Finish(work, &issuer, Refused("it is not signed by its issuer"));
  }
  if (verdict == KeySet::Verdict::kSigned) {
    absl::StatusOr<ExternalUser> person = ReadExternalUser(token, issuer.provider);
    if (!person.ok()) return Finish(work, &issuer, person.status());
    auto shared = std::make_shared<const ExternalUser>(*std::move(person));
    Remember(work->hash, shared);
    return Finish(work, &issuer, std::move(shared));
  }
  if (last) return Finish(work, &issuer, Refused("its issuer has no such key"));
  // The key may be a new one. All that wait for it share one fetch.
  const bool added = issuer.fetches->Add([this, work, token, &issuer, keys] {
    const bool came = issuer.keys.Current() != keys;
    if (came) return CheckSignature(work, token, issuer, false);
    const absl::Status status = closing_ ? absl::CancelledError() : issuer.keys.Refresh();
    if (status.ok()) return CheckSignature(work, token, issuer, true);
    Finish(work, &issuer,
           Error(v1::DEPENDENCY_UNAVAILABLE, absl::StrCat("the keys of ", issuer.provider.issuer,
                                                          " cannot be fetched; try again")));
  });
  if (!added) Finish(work, &issuer, TooMany());
}

void IdTokenVerifier::FetchKeys(Issuer& issuer) {
  // A failure is told where it happens; old keys stay good for a while.
  if (!closing_) issuer.keys.Refresh().IgnoreError();
  issuer.renewing = false;
}

void IdTokenVerifier::Finish(const WorkPtr& work, Issuer* issuer,
                             absl::StatusOr<ExternalUserPtr> result) {
  if (issuer != nullptr) {
    const bool refused = ReasonOf(result.status()) == v1::TOKEN_INVALID;
    (result.ok() ? issuer->accepted : refused ? issuer->refused : issuer->unavailable)->Increment();
  }
  work->done(std::move(result));
}

}  // namespace stackyard::gateway
