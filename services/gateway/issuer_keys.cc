#include "services/gateway/issuer_keys.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/status_macros.h"

namespace stackyard::gateway {
namespace {

constexpr absl::Duration kKeptAway = absl::Hours(24);
constexpr absl::Duration kUsualAge = absl::Hours(1);
constexpr absl::Duration kLeastAge = absl::Minutes(5);
constexpr absl::Duration kMostAge = absl::Hours(24);
constexpr double kFetchesPerSecond = 0.1;
constexpr double kFetchesAtOnce = 3;

std::string DiscoveryUrl(const std::string& issuer) {
  return absl::StrCat(issuer, absl::EndsWith(issuer, "/") ? "" : "/",
                      ".well-known/openid-configuration");
}

absl::StatusOr<std::string> ReadKeysUrl(const std::string& issuer, const std::string& text) {
  const nlohmann::json document = nlohmann::json::parse(text, nullptr, false);
  const auto field = [&](const char* name) {
    const bool there = document.is_object() && document.contains(name);
    return there && document[name].is_string() ? document[name].get<std::string>() : "";
  };
  const std::string named = field("issuer");
  // Whoever can make us read another issuer's document must not sign for this one.
  if (named != issuer) {
    return absl::UnavailableError(
        absl::StrCat(DiscoveryUrl(issuer), " names another issuer, `", named, "`"));
  }
  std::string url = field("jwks_uri");
  if (const absl::Status status = CheckTrustedUrl(url); !status.ok()) {
    return absl::UnavailableError(absl::StrCat("`jwks_uri` ", status.message()));
  }
  return url;
}

}  // namespace

IssuerKeys::IssuerKeys(std::string issuer, Fetch fetch, std::function<void()> on_failure,
                       const Clock& clock)
    : issuer_(std::move(issuer)),
      fetch_(std::move(fetch)),
      on_failure_(std::move(on_failure)),
      clock_(clock),
      limit_(kFetchesPerSecond, kFetchesAtOnce) {}

std::shared_ptr<const KeySet> IssuerKeys::Current() const {
  absl::MutexLock lock(&mutex_);
  return clock_.TimeNow() - keys_.fetched > kKeptAway ? nullptr : keys_.set;
}

bool IssuerKeys::AreOld() const {
  absl::MutexLock lock(&mutex_);
  return clock_.TimeNow() >= keys_.old;
}

absl::Status IssuerKeys::Refresh() {
  if (limit_.Take("", 1, clock_.TimeNow()).wait > absl::ZeroDuration()) {
    absl::MutexLock lock(&mutex_);
    return last_;
  }
  absl::StatusOr<Keys> keys = Load();
  if (!keys.ok()) {
    LogWarning("an issuer's keys cannot be fetched",
               {{"issuer", issuer_}, {"error", std::string(keys.status().message())}});
    on_failure_();
  }
  absl::MutexLock lock(&mutex_);
  last_ = keys.status();
  if (keys.ok()) keys_ = *std::move(keys);
  return last_;
}

absl::StatusOr<IssuerKeys::Keys> IssuerKeys::Load() const {
  ASSIGN_OR_RETURN(const HttpDocument discovery, fetch_(DiscoveryUrl(issuer_)));
  ASSIGN_OR_RETURN(const std::string url, ReadKeysUrl(issuer_, discovery.body));
  ASSIGN_OR_RETURN(const HttpDocument document, fetch_(url));
  absl::StatusOr<KeySet> set = KeySet::Parse(document.body);
  if (!set.ok()) return absl::UnavailableError(absl::StrCat(url, " ", set.status().message()));
  Keys keys;
  keys.set = std::make_shared<const KeySet>(*std::move(set));
  keys.fetched = clock_.TimeNow();
  const absl::Duration told = document.max_age;
  const absl::Duration age = told > absl::ZeroDuration() ? told : kUsualAge;
  keys.old = keys.fetched + std::clamp(age, kLeastAge, kMostAge);
  return keys;
}

}  // namespace stackyard::gateway
