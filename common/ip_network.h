// Addresses and networks of IPv4 and IPv6.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace stackyard {

// IPv4 addresses as mapped ones (::ffff:a.b.c.d).
using IpAddress = std::array<uint8_t, 16>;

// The mapped form of the four bytes at `v4`.
IpAddress MappedAddress(const uint8_t* v4);
// Reads `192.0.2.1` or `2001:db8::1`, without brackets, port or zone; nothing for other text.
std::optional<IpAddress> ParseAddress(std::string_view text);
// Nothing for what is no address of the internet.
std::optional<IpAddress> AddressOf(const sockaddr& address);
bool IsV4(const IpAddress& address);
// As ParseAddress reads it.
std::string FormatAddress(const IpAddress& address);

class IpNetwork {
 public:
  // `10.0.0.0/8`, `127.0.0.1` or `fd00::/8`. INVALID_ARGUMENT names a bad one.
  static absl::StatusOr<IpNetwork> Parse(const std::string& text);

  bool Contains(const IpAddress& address) const;

 private:
  IpAddress address_{};
  int bits_ = 0;
};

}  // namespace stackyard
