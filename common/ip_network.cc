#include "common/ip_network.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace stackyard {

IpAddress MappedAddress(const uint8_t* v4) {
  IpAddress bytes{};
  bytes[10] = bytes[11] = 0xff;
  std::copy(v4, v4 + 4, bytes.begin() + 12);
  return bytes;
}

std::optional<IpAddress> ParseAddress(std::string_view text) {
  // inet_pton wants a text that ends with a zero.
  char copy[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof copy) return std::nullopt;
  std::copy(text.begin(), text.end(), copy);
  copy[text.size()] = '\0';
  if (std::strlen(copy) != text.size()) return std::nullopt;
  IpAddress bytes{};
  if (inet_pton(AF_INET, copy, bytes.data()) == 1) return MappedAddress(bytes.data());
  if (inet_pton(AF_INET6, copy, bytes.data()) == 1) return bytes;
  return std::nullopt;
}

std::optional<IpAddress> AddressOf(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &address, sizeof v4);
    uint8_t raw[4];
    std::memcpy(raw, &v4.sin_addr, sizeof raw);
    return MappedAddress(raw);
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &address, sizeof v6);
    IpAddress bytes;
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return bytes;
  }
  return std::nullopt;
}

bool IsV4(const IpAddress& address) {
  static constexpr uint8_t kPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::equal(std::begin(kPrefix), std::end(kPrefix), address.begin());
}

std::string FormatAddress(const IpAddress& address) {
  char text[INET6_ADDRSTRLEN];
  const bool v4 = IsV4(address);
  inet_ntop(v4 ? AF_INET : AF_INET6, address.data() + (v4 ? 12 : 0), text, sizeof text);
  return text;
}

absl::StatusOr<IpNetwork> IpNetwork::Parse(const std::string& text) {
  const absl::Status wrong = absl::InvalidArgumentError(
      absl::StrCat("`", text, "` is no network: write it like 10.0.0.0/8 or fd00::/8"));
  const size_t slash = text.find('/');
  const std::string literal = text.substr(0, slash);
  const auto address = ParseAddress(literal);
  if (!address) return wrong;
  // A mapped address that was written as one has 128 bits of its own.
  const bool v4 = literal.find(':') == std::string::npos;
  const int most = v4 ? 32 : 128;
  int bits = most;
  if (slash != std::string::npos &&
      (!absl::SimpleAtoi(text.substr(slash + 1), &bits) || bits < 0 || bits > most)) {
    return wrong;
  }
  IpNetwork network;
  network.address_ = *address;
  network.bits_ = v4 ? bits + 96 : bits;
  return network;
}

bool IpNetwork::Contains(const IpAddress& address) const {
  const int bytes = bits_ / 8;
  if (!std::equal(address.begin(), address.begin() + bytes, address_.begin())) return false;
  const int rest = bits_ % 8;
  return rest == 0 || ((address[bytes] ^ address_[bytes]) >> (8 - rest)) == 0;
}

}  // namespace stackyard
