#include "common/sealed_blob_store.h"

#include <zlib.h>

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace stackyard {
namespace {

// What is sealed begins with one of these.
constexpr char kAsItIs = 'p';
// Followed by the size of the content in 8 bytes, and by what zlib made of it.
constexpr char kDeflated = 'z';
constexpr size_t kSizeBytes = 8;

std::string PurposeOf(std::string_view digest) {
  return absl::StrCat("blob ", std::string(digest));
}

std::string EncodeSize(uint64_t size) {
  std::string bytes(kSizeBytes, '\0');
  for (size_t i = 0; i < kSizeBytes; ++i) bytes[i] = static_cast<char>(size >> (8 * i));
  return bytes;
}

uint64_t DecodeSize(std::string_view bytes) {
  uint64_t size = 0;
  for (size_t i = 0; i < kSizeBytes; ++i) {
    size |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  return size;
}

// Plan files are archives and do not get smaller.
std::string Compress(std::string_view content) {
  uLongf size = compressBound(content.size());
  std::string packed(1 + kSizeBytes + size, kDeflated);
  packed.replace(1, kSizeBytes, EncodeSize(content.size()));
  const int done =
      compress2(reinterpret_cast<Bytef*>(packed.data() + 1 + kSizeBytes), &size,
                reinterpret_cast<const Bytef*>(content.data()), content.size(), Z_BEST_SPEED);
  if (done != Z_OK || size + kSizeBytes >= content.size()) {
    return absl::StrCat(std::string(1, kAsItIs), std::string(content));
  }
  packed.resize(1 + kSizeBytes + size);
  return packed;
}

absl::StatusOr<std::string> Expand(std::string_view packed) {
  if (!packed.empty() && packed[0] == kAsItIs) return std::string(packed.substr(1));
  if (packed.size() < 1 + kSizeBytes || packed[0] != kDeflated) {
    return absl::DataLossError("a sealed blob has an unknown form");
  }
  std::string content(DecodeSize(packed.substr(1)), '\0');
  uLongf size = content.size();
  const int done = uncompress(reinterpret_cast<Bytef*>(content.data()), &size,
                              reinterpret_cast<const Bytef*>(packed.data() + 1 + kSizeBytes),
                              packed.size() - 1 - kSizeBytes);
  if (done != Z_OK || size != content.size()) {
    return absl::DataLossError("a sealed blob cannot be expanded");
  }
  return content;
}

class Form final : public BlobForm {
 public:
  explicit Form(const Sealer& sealer) : sealer_(sealer) {}

  std::string Wrap(std::string_view content, std::string_view digest) const override {
    return sealer_.Seal(Compress(content), PurposeOf(digest));
  }
  absl::StatusOr<std::string> Unwrap(std::string stored, std::string_view digest) const override {
    if (!Sealer::IsSealed(stored)) return stored;
    const auto packed = sealer_.Open(stored, PurposeOf(digest));
    if (!packed.ok()) return packed.status();
    return Expand(*packed);
  }

 private:
  const Sealer sealer_;
};

}  // namespace

std::unique_ptr<BlobForm> SealedForm(const Sealer& sealer) {
  return std::make_unique<Form>(sealer);
}

absl::StatusOr<std::unique_ptr<BlobStore>> OpenSealedBlobStore(std::string_view root,
                                                               const Sealer& sealer) {
  return OpenDirectoryBlobStore(root, SealedForm(sealer));
}

}  // namespace stackyard
