// Encryption of what is kept.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace stackyard {

// Seals bytes with AES-256-GCM. Every message has a key of its own, HMAC-SHA256 of the master key
// over a random salt of 16 bytes (as a key derivation in counter mode, NIST SP 800-108, with one
// block), so that random nonces never run out. Immutable; thread-safe.
class Sealer {
 public:
  // Bytes that sealing adds.
  static constexpr size_t kOverhead = 4 + 4 + 16 + 12 + 16;

  // Reads master keys from a file: lines of 64 hexadecimal digits; empty lines and those that begin
  // with # are skipped. The first key seals, all of them open, so that a new key is put first and
  // the old ones stay as long as anything is sealed with them. INVALID_ARGUMENT with the line when
  // the file cannot be read, is open to others, or holds no key.
  static absl::StatusOr<Sealer> Read(const std::string& path);
  // Same, but makes the file with a new key, for the owner alone, when there is none. Programs that
  // start at once agree on one key.
  static absl::StatusOr<Sealer> ReadOrMake(const std::string& path);

  // `purpose` says what the bytes are and where they belong; only the same opens them.
  std::string Seal(std::string_view plain, std::string_view purpose) const;
  // DATA_LOSS when the bytes are damaged or belong elsewhere, FAILED_PRECONDITION when their key is
  // not among those of the file.
  absl::StatusOr<std::string> Open(std::string_view sealed, std::string_view purpose) const;

  // Whether bytes look as Seal leaves them.
  static bool IsSealed(std::string_view bytes);

 private:
  Sealer() = default;
  static absl::StatusOr<Sealer> Parse(const std::string& path, std::string_view text);

  // Id of the key that seals.
  std::string current_;
  // By id, the first four bytes of the key's SHA-256.
  std::map<std::string, std::string> keys_;
};

}  // namespace stackyard
