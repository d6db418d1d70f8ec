#include "services/gateway/key_set.h"

#include <cjose/jwk.h>
#include <cjose/jws.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace stackyard::gateway {
namespace {

using nlohmann::json;

// Issuers show a handful; each is tried for a token that names none.
constexpr size_t kMostKeys = 32;
constexpr size_t kLeastRsaBits = 2048;

struct Release {
  void operator()(cjose_jwk_t* key) const { cjose_jwk_release(key); }
  void operator()(cjose_jws_t* jws) const { cjose_jws_release(jws); }
};
using JwkPtr = std::unique_ptr<cjose_jwk_t, Release>;
using JwsPtr = std::unique_ptr<cjose_jws_t, Release>;

std::string Text(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// The algorithm that a key is for; empty when it is none of ours.
std::string AlgorithmOf(const json& key) {
  std::string algorithm;
  if (Text(key, "kty") == "RSA") algorithm = "RS256";
  if (Text(key, "kty") == "EC" && Text(key, "crv") == "P-256") algorithm = "ES256";
  if (key.contains("alg") && Text(key, "alg") != algorithm) return "";
  if (key.contains("use") && Text(key, "use") != "sig") return "";
  const auto operations = key.find("key_ops");
  if (operations != key.end() &&
      (!operations->is_array() ||
       std::find(operations->begin(), operations->end(), "verify") == operations->end())) {
    return "";
  }
  return algorithm;
}

// Without what cjose does not need: a private part has no business here.
json PublicPart(const json& key) {
  json part;
  for (const char* field : {"kty", "n", "e", "crv", "x", "y"}) {
    if (key.contains(field)) part[field] = key[field];
  }
  return part;
}

}  // namespace

struct KeySet::Key {
  std::string id;
  std::string algorithm;
  JwkPtr jwk;
};

KeySet::KeySet() = default;
KeySet::~KeySet() = default;
KeySet::KeySet(KeySet&&) noexcept = default;
KeySet& KeySet::operator=(KeySet&&) noexcept = default;

absl::StatusOr<KeySet> KeySet::Parse(std::string_view text) {
  const json document = json::parse(text.begin(), text.end(), nullptr, false);
  if (!document.is_object() || !document.contains("keys") || !document["keys"].is_array()) {
    return absl::InvalidArgumentError("is no JWKS: a JSON object with a list `keys`");
  }
  KeySet set;
  for (const json& one : document["keys"]) {
    if (!one.is_object() || set.keys_.size() >= kMostKeys) continue;
    auto key = std::make_unique<Key>();
    key->id = Text(one, "kid");
    key->algorithm = AlgorithmOf(one);
    if (key->algorithm.empty()) continue;
    const std::string part = PublicPart(one).dump();
    cjose_err error;
    key->jwk.reset(cjose_jwk_import(part.data(), part.size(), &error));
    if (key->jwk == nullptr) continue;
    if (key->algorithm == "RS256" &&
        cjose_jwk_get_keysize(key->jwk.get(), &error) < kLeastRsaBits) {
      continue;
    }
    set.keys_.push_back(std::move(key));
  }
  if (set.keys_.empty()) return absl::InvalidArgumentError("has no key for RS256 or ES256");
  return set;
}

KeySet::Verdict KeySet::Verify(const IdToken& token) const {
  bool known = false;
  for (const std::unique_ptr<Key>& key : keys_) {
    if (!token.key_id.empty() && token.key_id != key->id) continue;
    if (token.algorithm != key->algorithm) continue;
    known = true;
    cjose_err error;
    // A fresh one each time: verifying changes it.
    const JwsPtr jws(cjose_jws_import(token.text.data(), token.text.size(), &error));
    if (jws == nullptr) return Verdict::kForged;
    if (cjose_jws_verify(jws.get(), key->jwk.get(), &error)) return Verdict::kSigned;
  }
  return known && !token.key_id.empty() ? Verdict::kForged : Verdict::kUnknownKey;
}

}  // namespace stackyard::gateway
