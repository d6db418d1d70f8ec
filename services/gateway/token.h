// API tokens: `syt_<id>_<secret>`.
#pragma once

#include <string>
#include <string_view>

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

// Whether a text could be a token; what cannot be needs no look-up.
bool LooksLikeToken(std::string_view text);

// The key under which a token is stored.
std::string TokenHash(std::string_view text);

}  // namespace stackyard::gateway
