#include "common/net_guard.h"

#include <algorithm>
#include <optional>

#include "common/status_macros.h"

namespace stackyard {
namespace {

bool StartsWith(const IpAddress& bytes, std::initializer_list<uint8_t> prefix) {
  return std::equal(prefix.begin(), prefix.end(), bytes.begin());
}

// The IPv4 address that an IPv6 address of a translation mechanism leads to.
std::optional<IpAddress> Inner(const IpAddress& bytes) {
  // 6to4, 2002::/16.
  if (StartsWith(bytes, {0x20, 0x02})) return MappedAddress(bytes.data() + 2);
  // NAT64, 64:ff9b::/96.
  if (StartsWith(bytes, {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})) {
    return MappedAddress(bytes.data() + 12);
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<NetGuard> NetGuard::Make(const std::vector<std::string>& networks) {
  NetGuard guard;
  for (const std::string& text : networks) {
    ASSIGN_OR_RETURN(guard.allowed_.emplace_back(), IpNetwork::Parse(text));
  }
  return guard;
}

const std::vector<IpNetwork>& NetGuard::Closed() {
  // https://www.iana.org/assignments/iana-ipv4-special-registry and its IPv6 sister, and addresses
  // in public ranges at which clouds keep their own services for guests.
  static const auto& closed = *[] {
    auto* networks = new std::vector<IpNetwork>;
    for (const char* text :
         {"0.0.0.0/8",     "10.0.0.0/8",      "100.64.0.0/10",   "127.0.0.0/8",    "169.254.0.0/16",
          "172.16.0.0/12", "192.0.0.0/24",    "192.0.2.0/24",    "192.88.99.0/24", "192.168.0.0/16",
          "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",  "224.0.0.0/4",    "240.0.0.0/4",
          "168.63.129.16", "::/96",           "::ffff:0:0:0/96", "64:ff9b:1::/48", "100::/64",
          "2001::/23",     "2001:db8::/32",   "fc00::/7",        "fe80::/10",      "fec0::/10",
          "ff00::/8"}) {
      networks->push_back(*IpNetwork::Parse(text));
    }
    return networks;
  }();
  return closed;
}

bool NetGuard::IsPublic(const IpAddress& address) {
  for (const IpNetwork& network : Closed()) {
    if (network.Contains(address)) return false;
  }
  return true;
}

bool NetGuard::Admits(const IpAddress& address) const {
  for (const IpNetwork& network : allowed_) {
    if (network.Contains(address)) return true;
  }
  if (!IsPublic(address)) return false;
  const auto inner = Inner(address);
  return !inner || IsPublic(*inner);
}

bool NetGuard::Admits(const sockaddr& address) const {
  const auto bytes = AddressOf(address);
  return bytes && Admits(*bytes);
}

bool NetGuard::AdmitsHost(std::string_view host) const {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  const auto address = ParseAddress(host);
  return !address || Admits(*address);
}

}  // namespace stackyard
