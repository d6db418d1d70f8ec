// API tokens: `syt_<id>_<secret>`.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace stackyard::gateway {

struct NewToken {
  // 12 characters.
  std::string id;
  // What the client sends; kept nowhere.
  std::string text;
  // What is kept. SHA-256 without salt is enough for 256 random bits.
  std::string hash;
};

NewToken MakeToken();

// A token that somebody else made. INVALID_ARGUMENT that says what is wrong when it does not have
// the form, or cannot have come from a source of random characters. Never tells the text itself.
absl::StatusOr<NewToken> TakeToken(std::string_view text);

// Whether a text could be a token; what cannot be needs no look-up.
bool LooksLikeToken(std::string_view text);

// The key under which a token is stored.
std::string TokenHash(std::string_view text);

}  // namespace stackyard::gateway
