// Identifiers and digests.
#pragma once

#include <string>
#include <string_view>

namespace stackyard {

// `length` random characters of a-z and 0-9, the first a letter; from the system's secure source.
// 12 characters hold 61 bits.
std::string RandomId(int length = 12);

// `bytes` random bytes from the system's secure source, as base64url without padding.
std::string RandomSecret(int bytes = 32);

// SHA-256, 64 hex characters.
std::string Sha256Hex(std::string_view data);

// SHA-256, 32 bytes.
std::string Sha256(std::string_view data);

// Whether two strings are equal, in time that depends on their length alone.
bool ConstantTimeEquals(std::string_view a, std::string_view b);

}  // namespace stackyard
