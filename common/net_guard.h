// Where a service may connect to when its users name the address.
#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/ip_network.h"

namespace stackyard {

// Admits public addresses, and the networks that an operator allows. Loopback, link-local (and so
// the metadata services of clouds), private, shared, multicast and reserved addresses are closed
// else, also where an IPv6 address carries one of them inside (mapped, 6to4, NAT64).
//
// It judges addresses, not names: ask it about the one that is connected to, since a name may lead
// elsewhere a moment later.
class NetGuard {
 public:
  // Admits public addresses only.
  NetGuard() = default;
  // `networks` are like `10.0.0.0/8`, `127.0.0.1` or `fd00::/8`. INVALID_ARGUMENT names a bad one.
  static absl::StatusOr<NetGuard> Make(const std::vector<std::string>& networks);

  bool Admits(const sockaddr& address) const;
  // Same, for a host that is a literal address; true for a name.
  bool AdmitsHost(std::string_view host) const;

 private:
  static const std::vector<IpNetwork>& Closed();
  static bool IsPublic(const IpAddress& address);
  bool Admits(const IpAddress& address) const;

  std::vector<IpNetwork> allowed_;
};

}  // namespace stackyard
