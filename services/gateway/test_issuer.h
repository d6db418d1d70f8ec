// An OpenID Connect issuer without a network, and all the tokens that it should not make.
#pragma once

#include <cjose/header.h>
#include <cjose/jwk.h>
#include <cjose/jws.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/http_get.h"

namespace stackyard::gateway {

inline std::string Base64Url(const std::string& bytes) { return absl::WebSafeBase64Escape(bytes); }

// A token from its parts; the signature is whatever bytes they are.
inline std::string TokenOf(const nlohmann::json& header, const nlohmann::json& claims,
                           const std::string& signature) {
  return absl::StrCat(Base64Url(header.dump()), ".", Base64Url(claims.dump()), ".",
                      Base64Url(signature));
}

class TestKey {
 public:
  static TestKey Rsa(const std::string& id, size_t bits = 2048) {
    const uint8_t e[] = {1, 0, 1};
    cjose_err error;
    return {id, "RS256", cjose_jwk_create_RSA_random(bits, e, sizeof e, &error)};
  }
  static TestKey Ec(const std::string& id) {
    cjose_err error;
    return {id, "ES256", cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &error)};
  }

  const std::string& id() const { return id_; }

  // As a JWKS shows it.
  nlohmann::json Public() const {
    cjose_err error;
    char* text = cjose_jwk_to_json(jwk_.get(), false, &error);
    auto key = nlohmann::json::parse(text);
    free(text);
    key["kid"] = id_;
    key["use"] = "sig";
    key["alg"] = algorithm_;
    return key;
  }

  // A signed token. An empty `kid` names no key.
  std::string Sign(const nlohmann::json& claims, const std::string& kid) const {
    cjose_err error;
    cjose_header_t* header = cjose_header_new(&error);
    cjose_header_set(header, "alg", algorithm_.c_str(), &error);
    cjose_header_set(header, "typ", "JWT", &error);
    if (!kid.empty()) cjose_header_set(header, "kid", kid.c_str(), &error);
    const std::string text = claims.dump();
    cjose_jws_t* jws = cjose_jws_sign(
        jwk_.get(), header, reinterpret_cast<const uint8_t*>(text.data()), text.size(), &error);
    const char* compact = nullptr;
    EXPECT_TRUE(jws != nullptr && cjose_jws_export(jws, &compact, &error)) << error.message;
    std::string token = compact == nullptr ? "" : compact;
    cjose_jws_release(jws);
    cjose_header_release(header);
    return token;
  }
  std::string Sign(const nlohmann::json& claims) const { return Sign(claims, id_); }

 private:
  TestKey(std::string id, std::string algorithm, cjose_jwk_t* jwk)
      : id_(std::move(id)),
        algorithm_(std::move(algorithm)),
        jwk_(jwk, [](cjose_jwk_t* key) { cjose_jwk_release(key); }) {
    EXPECT_NE(jwk, nullptr);
  }

  std::string id_;
  std::string algorithm_;
  std::shared_ptr<cjose_jwk_t> jwk_;
};

inline std::string KeySetOf(const std::vector<TestKey>& keys) {
  nlohmann::json set = {{"keys", nlohmann::json::array()}};
  for (const TestKey& key : keys) set["keys"].push_back(key.Public());
  return set.dump();
}

// What it shows, by URL.
class TestIssuer {
 public:
  explicit TestIssuer(std::string issuer) : issuer_(std::move(issuer)) {
    documents_[issuer_ + "/.well-known/openid-configuration"] =
        nlohmann::json{{"issuer", issuer_}, {"jwks_uri", issuer_ + "/keys"}}.dump();
  }

  const std::string& issuer() const { return issuer_; }

  void Show(const std::vector<TestKey>& keys) { Put("/keys", KeySetOf(keys)); }
  void Put(const std::string& path, const std::string& document) {
    absl::MutexLock lock(&mutex_);
    documents_[issuer_ + path] = document;
  }
  void SetAway(bool away) {
    absl::MutexLock lock(&mutex_);
    away_ = away;
  }
  void SetMaxAge(absl::Duration age) {
    absl::MutexLock lock(&mutex_);
    max_age_ = age;
  }
  // How often the keys were asked for.
  int fetches() {
    absl::MutexLock lock(&mutex_);
    return fetches_;
  }

  absl::StatusOr<HttpDocument> Fetch(const std::string& url) {
    absl::MutexLock lock(&mutex_);
    if (url == issuer_ + "/.well-known/openid-configuration") ++fetches_;
    if (away_) return absl::UnavailableError("nobody is there");
    const auto found = documents_.find(url);
    if (found == documents_.end()) return absl::UnavailableError(url + " answers 404");
    return HttpDocument{found->second, max_age_};
  }

  // Claims of a good token of Ann.
  nlohmann::json Claims(absl::Time now) const {
    return {{"iss", issuer_},
            {"sub", "subject-of-ann"},
            {"aud", "stackyard"},
            {"iat", absl::ToUnixSeconds(now)},
            {"exp", absl::ToUnixSeconds(now + absl::Hours(1))},
            {"email", "Ann@example.com"},
            {"email_verified", true},
            {"name", "Ann Archer"},
            {"groups", {"staff", "Web Team"}}};
  }

 private:
  const std::string issuer_;
  absl::Mutex mutex_;
  std::map<std::string, std::string> documents_ ABSL_GUARDED_BY(mutex_);
  bool away_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Duration max_age_ ABSL_GUARDED_BY(mutex_);
  int fetches_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace stackyard::gateway
