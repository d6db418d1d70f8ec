// The public keys of an issuer: a JWKS.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/gateway/id_token.h"

namespace stackyard::gateway {

class KeySet {
 public:
  // Reads a JWKS. Keys that are for encryption, of another kind, or too weak (RSA under 2048 bits)
  // are left out; INVALID_ARGUMENT when it is no JWKS or none is left.
  static absl::StatusOr<KeySet> Parse(std::string_view json);
  ~KeySet();
  KeySet(KeySet&&) noexcept;
  KeySet& operator=(KeySet&&) noexcept;

  enum class Verdict {
    kSigned,
    // By no key that it could be by.
    kForged,
    // The token names a key that is not here, or names none and is by none of these.
    kUnknownKey,
  };
  // Safe to call from many threads. A token that names no key may be signed by any.
  Verdict Verify(const IdToken& token) const;

  size_t size() const { return keys_.size(); }

 private:
  struct Key;
  KeySet();

  std::vector<std::unique_ptr<Key>> keys_;
};

}  // namespace stackyard::gateway
