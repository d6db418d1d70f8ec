#include "services/gateway/token.h"

#include "absl/strings/str_cat.h"
#include "common/id.h"

namespace stackyard::gateway {
namespace {

constexpr std::string_view kPrefix = "syt_";
constexpr size_t kIdLength = 12;
// 32 bytes as base64url.
constexpr size_t kSecretLength = 43;

}  // namespace

NewToken MakeToken() {
  NewToken token;
  token.id = RandomId(kIdLength);
  token.text = absl::StrCat("syt_", token.id, "_", RandomSecret(32));
  token.hash = TokenHash(token.text);
  return token;
}

bool LooksLikeToken(std::string_view text) {
  return text.size() == kPrefix.size() + kIdLength + 1 + kSecretLength &&
         text.starts_with(kPrefix) && text[kPrefix.size() + kIdLength] == '_';
}

std::string TokenHash(std::string_view text) { return Sha256Hex(text); }

}  // namespace stackyard::gateway
