// Where a call comes from, also behind proxies.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/ip_network.h"

namespace stackyard::gateway {

struct ClientAddress {
  // `192.0.2.1`, `2001:db8::1`, `unix` for a local socket; what was told where it is none of these.
  std::string text;
  // Who shares a rate limit: an IPv4 address, a /64 of IPv6 (which one client has to itself), or
  // the text.
  std::string key;
};

class ClientAddresses {
 public:
  // `trusted` are networks of proxies that tell the truth about whom they speak for.
  // INVALID_ARGUMENT names a bad one. Unix sockets are always trusted: only this machine's owners
  // reach them.
  static absl::StatusOr<ClientAddresses> Make(const std::vector<std::string>& trusted);

  // `peer` is who has the connection, as gRPC writes it (`ipv4:192.0.2.1:50000`, `unix:...`) or
  // `address:port`. `forwarded_for` is the header x-forwarded-for: each proxy has added whom it was
  // called by, so that the last address that no trusted proxy has is the client. What stands before
  // it is whatever the client wants to be taken for.
  ClientAddress Find(std::string_view peer, std::string_view forwarded_for) const;

 private:
  bool Trusts(const IpAddress& address) const;

  std::vector<IpNetwork> trusted_;
};

}  // namespace stackyard::gateway
