#include "common/net_guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace stackyard {
namespace {

using Bytes = std::array<uint8_t, 16>;

Bytes Mapped(const uint8_t* v4) {
  Bytes bytes{};
  bytes[10] = bytes[11] = 0xff;
  std::copy(v4, v4 + 4, bytes.begin() + 12);
  return bytes;
}

std::optional<Bytes> ReadLiteral(const std::string& text, bool& is_v4) {
  uint8_t raw[16];
  is_v4 = inet_pton(AF_INET, text.c_str(), raw) == 1;
  if (is_v4) return Mapped(raw);
  if (inet_pton(AF_INET6, text.c_str(), raw) != 1) return std::nullopt;
  Bytes bytes{};
  std::copy(raw, raw + 16, bytes.begin());
  return bytes;
}

bool StartsWith(const Bytes& bytes, std::initializer_list<uint8_t> prefix) {
  return std::equal(prefix.begin(), prefix.end(), bytes.begin());
}

// The IPv4 address that an IPv6 address of a translation mechanism leads to.
std::optional<Bytes> Inner(const Bytes& bytes) {
  // 6to4, 2002::/16.
  if (StartsWith(bytes, {0x20, 0x02})) return Mapped(bytes.data() + 2);
  // NAT64, 64:ff9b::/96.
  if (StartsWith(bytes, {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})) {
    return Mapped(bytes.data() + 12);
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<NetGuard> NetGuard::Make(const std::vector<std::string>& networks) {
  NetGuard guard;
  for (const std::string& text : networks) {
    ASSIGN_OR_RETURN(guard.allowed_.emplace_back(), Parse(text));
  }
  return guard;
}

absl::StatusOr<NetGuard::Network> NetGuard::Parse(const std::string& text) {
  const absl::Status wrong = absl::InvalidArgumentError(
      absl::StrCat("`", text, "` is no network: write it like 10.0.0.0/8 or fd00::/8"));
  const size_t slash = text.find('/');
  bool is_v4 = false;
  const auto address = ReadLiteral(text.substr(0, slash), is_v4);
  if (!address) return wrong;
  const int most = is_v4 ? 32 : 128;
  int bits = most;
  if (slash != std::string::npos &&
      (!absl::SimpleAtoi(text.substr(slash + 1), &bits) || bits < 0 || bits > most)) {
    return wrong;
  }
  return Network{*address, is_v4 ? bits + 96 : bits};
}

bool NetGuard::Contains(const Network& network, const Address& address) {
  const int bytes = network.bits / 8;
  if (!std::equal(address.begin(), address.begin() + bytes, network.address.begin())) return false;
  const int rest = network.bits % 8;
  return rest == 0 || ((address[bytes] ^ network.address[bytes]) >> (8 - rest)) == 0;
}

const std::vector<NetGuard::Network>& NetGuard::Closed() {
  // https://www.iana.org/assignments/iana-ipv4-special-registry and its IPv6 sister, and addresses
  // in public ranges at which clouds keep their own services for guests.
  static const auto& closed = *[] {
    auto* networks = new std::vector<Network>;
    for (const char* text :
         {"0.0.0.0/8",     "10.0.0.0/8",      "100.64.0.0/10",   "127.0.0.0/8",    "169.254.0.0/16",
          "172.16.0.0/12", "192.0.0.0/24",    "192.0.2.0/24",    "192.88.99.0/24", "192.168.0.0/16",
          "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",  "224.0.0.0/4",    "240.0.0.0/4",
          "168.63.129.16", "::/96",           "::ffff:0:0:0/96", "64:ff9b:1::/48", "100::/64",
          "2001::/23",     "2001:db8::/32",   "fc00::/7",        "fe80::/10",      "fec0::/10",
          "ff00::/8"}) {
      networks->push_back(*Parse(text));
    }
    return networks;
  }();
  return closed;
}

bool NetGuard::IsPublic(const Address& address) {
  for (const Network& network : Closed()) {
    if (Contains(network, address)) return false;
  }
  return true;
}

bool NetGuard::Admits(const Address& address) const {
  for (const Network& network : allowed_) {
    if (Contains(network, address)) return true;
  }
  if (!IsPublic(address)) return false;
  const auto inner = Inner(address);
  return !inner || IsPublic(*inner);
}

bool NetGuard::Admits(const sockaddr& address) const {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &address, sizeof v4);
    uint8_t raw[4];
    std::memcpy(raw, &v4.sin_addr, sizeof raw);
    return Admits(Mapped(raw));
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &address, sizeof v6);
    Address bytes;
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return Admits(bytes);
  }
  return false;
}

bool NetGuard::AdmitsHost(std::string_view host) const {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  bool is_v4 = false;
  const auto address = ReadLiteral(std::string(host), is_v4);
  return !address || Admits(*address);
}

}  // namespace stackyard
