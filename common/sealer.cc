#include "common/sealer.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/id.h"
#include "common/status_macros.h"

namespace stackyard {
namespace {

constexpr std::string_view kMagic = "SYS1";
constexpr size_t kKey = 32;
constexpr size_t kId = 4;
constexpr size_t kSalt = 16;
constexpr size_t kNonce = 12;
constexpr size_t kTag = 16;

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

unsigned char* Bytes(char* text) { return reinterpret_cast<unsigned char*>(text); }
const unsigned char* Bytes(const char* text) {
  return reinterpret_cast<const unsigned char*>(text);
}

// A library that cannot encrypt, or a system without randomness, is nothing to go on with.
void Must(bool done) {
  if (!done) abort();
}

std::string RandomBytes(size_t size) {
  std::string bytes(size, '\0');
  Must(RAND_bytes(Bytes(bytes.data()), static_cast<int>(size)) == 1);
  return bytes;
}

std::string MessageKey(const std::string& master, std::string_view salt) {
  std::string key(kKey, '\0');
  unsigned int size = 0;
  const std::string label = absl::StrCat("stackyard sealed message ", std::string(salt));
  Must(HMAC(EVP_sha256(), master.data(), static_cast<int>(master.size()), Bytes(label.data()),
            label.size(), Bytes(key.data()), &size) != nullptr);
  return key;
}

// The header is bound to the content too, so that none of it can be exchanged.
void BeginCipher(EVP_CIPHER_CTX* cipher, bool seal, const std::string& key, std::string_view nonce,
                 std::string_view header, std::string_view purpose) {
  int size = 0;
  Must(EVP_CipherInit_ex(cipher, EVP_aes_256_gcm(), nullptr, Bytes(key.data()), Bytes(nonce.data()),
                         seal ? 1 : 0) == 1);
  for (const std::string_view part : {header, purpose}) {
    Must(EVP_CipherUpdate(cipher, nullptr, &size, Bytes(part.data()),
                          static_cast<int>(part.size())) == 1);
  }
}

absl::StatusOr<std::string> ReadKeyFile(const std::string& path) {
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0) {
    const std::string text = absl::StrCat(path, ": ", strerror(errno));
    return errno == ENOENT ? absl::NotFoundError(text) : absl::InvalidArgumentError(text);
  }
  if ((info.st_mode & S_IRWXO) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " holds keys, and others may read it: chmod o= it"));
  }
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return absl::InvalidArgumentError(absl::StrCat(path, " cannot be read"));
  return text.str();
}

// Writes a new key beside its place and links it there, unless somebody was faster.
absl::Status MakeKeyFile(const std::string& path) {
  std::string name = path + ".XXXXXX";
  const int fd = mkostemp(name.data(), O_CLOEXEC);
  if (fd < 0) return absl::InvalidArgumentError(absl::StrCat(path, ": ", strerror(errno)));
  const std::string line = absl::StrCat(absl::BytesToHexString(RandomBytes(kKey)), "\n");
  const bool written =
      write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size()) && fsync(fd) == 0;
  close(fd);
  const bool placed = written && (link(name.c_str(), path.c_str()) == 0 || errno == EEXIST);
  const int error = errno;
  unlink(name.c_str());
  if (placed) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", strerror(error)));
}

}  // namespace

absl::StatusOr<Sealer> Sealer::Parse(const std::string& path, std::string_view text) {
  Sealer sealer;
  int number = 0;
  for (const auto raw : absl::StrSplit(std::string(text), '\n')) {
    ++number;
    const auto line = absl::StripAsciiWhitespace(raw);
    if (line.empty() || line[0] == '#') continue;
    const bool hex =
        line.size() == 2 * kKey && line.find_first_not_of("0123456789abcdefABCDEF") == line.npos;
    if (!hex) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ":", number, ": a key is 64 hexadecimal digits"));
    }
    const std::string key = absl::HexStringToBytes(line);
    const std::string id = Sha256(key).substr(0, kId);
    if (sealer.current_.empty()) sealer.current_ = id;
    sealer.keys_[id] = key;
  }
  if (sealer.keys_.empty()) return absl::InvalidArgumentError(absl::StrCat(path, " holds no key"));
  return sealer;
}

absl::StatusOr<Sealer> Sealer::Read(const std::string& path) {
  const auto text = ReadKeyFile(path);
  if (!text.ok()) return absl::InvalidArgumentError(text.status().message());
  return Parse(path, *text);
}

absl::StatusOr<Sealer> Sealer::ReadOrMake(const std::string& path) {
  auto text = ReadKeyFile(path);
  if (absl::IsNotFound(text.status())) {
    RETURN_IF_ERROR(MakeKeyFile(path));
    text = ReadKeyFile(path);
  }
  if (!text.ok()) return absl::InvalidArgumentError(text.status().message());
  return Parse(path, *text);
}

std::string Sealer::Seal(std::string_view plain, std::string_view purpose) const {
  const std::string salt = RandomBytes(kSalt);
  const std::string nonce = RandomBytes(kNonce);
  std::string sealed = absl::StrCat(std::string(kMagic), current_, salt, nonce);
  const size_t header = sealed.size();
  const std::string key = MessageKey(keys_.at(current_), salt);
  const Cipher cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  BeginCipher(cipher.get(), true, key, nonce, sealed, purpose);
  sealed.resize(header + plain.size() + kTag);
  int size = 0;
  Must(EVP_EncryptUpdate(cipher.get(), Bytes(sealed.data() + header), &size, Bytes(plain.data()),
                         static_cast<int>(plain.size())) == 1);
  Must(EVP_EncryptFinal_ex(cipher.get(), Bytes(sealed.data() + header + plain.size()), &size) == 1);
  Must(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTag,
                           sealed.data() + header + plain.size()) == 1);
  return sealed;
}

bool Sealer::IsSealed(std::string_view bytes) {
  return bytes.size() >= kOverhead && bytes.substr(0, kMagic.size()) == kMagic;
}

absl::StatusOr<std::string> Sealer::Open(std::string_view sealed, std::string_view purpose) const {
  if (!IsSealed(sealed)) return absl::DataLossError("what should be sealed is not");
  const std::string id(sealed.substr(kMagic.size(), kId));
  const auto master = keys_.find(id);
  if (master == keys_.end()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "sealed with the key ", absl::BytesToHexString(id), ", which the key file lacks"));
  }
  constexpr size_t kHeader = kOverhead - kTag;
  const std::string_view header = sealed.substr(0, kHeader);
  const std::string_view content = sealed.substr(kHeader, sealed.size() - kOverhead);
  const std::string_view tag = sealed.substr(sealed.size() - kTag);
  const std::string key = MessageKey(master->second, header.substr(kMagic.size() + kId, kSalt));
  const Cipher cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  BeginCipher(cipher.get(), false, key, header.substr(kHeader - kNonce), header, purpose);
  std::string plain(content.size(), '\0');
  int size = 0;
  Must(EVP_DecryptUpdate(cipher.get(), Bytes(plain.data()), &size, Bytes(content.data()),
                         static_cast<int>(content.size())) == 1);
  Must(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTag,
                           const_cast<char*>(tag.data())) == 1);
  unsigned char rest[kTag];
  if (EVP_DecryptFinal_ex(cipher.get(), rest, &size) != 1) {
    return absl::DataLossError("sealed bytes are damaged, or belong elsewhere");
  }
  return plain;
}

}  // namespace stackyard
