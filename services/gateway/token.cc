#include "services/gateway/token.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/id.h"

namespace stackyard::gateway {
namespace {

constexpr std::string_view kPrefix = "syt_";
constexpr size_t kIdLength = 12;
// 32 bytes as base64url.
constexpr size_t kSecretLength = 43;
// Of 43 random characters about 32 differ; so few do once in 10^15 times.
constexpr size_t kDifferent = 15;

bool IsIdCharacter(char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c); }
bool IsSecretCharacter(char c) { return absl::ascii_isalnum(c) || c == '-' || c == '_'; }

}  // namespace

NewToken MakeToken() {
  NewToken token;
  token.id = RandomId(kIdLength);
  token.text = absl::StrCat("syt_", token.id, "_", RandomSecret(32));
  token.hash = TokenHash(token.text);
  return token;
}

absl::StatusOr<NewToken> TakeToken(std::string_view text) {
  const bool looks = LooksLikeToken(text);
  const std::string_view id = looks ? text.substr(kPrefix.size(), kIdLength) : text;
  const std::string_view secret = looks ? text.substr(text.size() - kSecretLength) : text;
  if (!looks || !std::all_of(id.begin(), id.end(), IsIdCharacter) ||
      !std::all_of(secret.begin(), secret.end(), IsSecretCharacter)) {
    return absl::InvalidArgumentError(
        "it is not `syt_`, 12 of a-z and 0-9, `_`, and 43 of A-Z, a-z, 0-9, `-` and `_`");
  }
  if (std::set<char>(secret.begin(), secret.end()).size() < kDifferent) {
    return absl::InvalidArgumentError(
        "it can be guessed: its last 43 characters must be random, and too many are the same");
  }
  return NewToken{std::string(id), std::string(text), TokenHash(text)};
}

bool LooksLikeToken(std::string_view text) {
  return text.size() == kPrefix.size() + kIdLength + 1 + kSecretLength &&
         text.starts_with(kPrefix) && text[kPrefix.size() + kIdLength] == '_';
}

std::string TokenHash(std::string_view text) { return Sha256Hex(text); }

}  // namespace stackyard::gateway
