#include "common/id.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <cstdlib>

#include "absl/strings/escaping.h"

namespace stackyard {
namespace {

std::string RandomBytes(int count) {
  std::string bytes(count, '\0');
  // Without randomness nothing is safe to go on with.
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), count) != 1) std::abort();
  return bytes;
}

}  // namespace

std::string RandomId(int length) {
  static constexpr char kAlphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::string id;
  while (static_cast<int>(id.size()) < length) {
    for (const unsigned char byte : RandomBytes(length * 2)) {
      const int letters = id.empty() ? 26 : 36;
      // Bytes beyond the last whole multiple would favour the first letters.
      if (byte >= 256 / letters * letters) continue;
      id.push_back(kAlphabet[byte % letters]);
      if (static_cast<int>(id.size()) == length) break;
    }
  }
  return id;
}

std::string RandomSecret(int bytes) { return absl::WebSafeBase64Escape(RandomBytes(bytes)); }

std::string Sha256(std::string_view data) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(data.data()), data.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

std::string Sha256Hex(std::string_view data) { return absl::BytesToHexString(Sha256(data)); }

bool ConstantTimeEquals(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace stackyard
