#include "services/gateway/client_address.h"

#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace stackyard::gateway {
namespace {

// More proxies than this in a row are nobody's.
constexpr int kMostHops = 32;

std::string_view Trim(std::string_view text) {
  const absl::string_view trimmed =
      absl::StripAsciiWhitespace(absl::string_view(text.data(), text.size()));
  return {trimmed.data(), trimmed.size()};
}

// `address`, `address:port`, `[address]` or `[address]:port`; gRPC writes brackets as %5B and %5D.
std::optional<IpAddress> ReadHost(std::string_view text) {
  for (const std::string_view open : {"[", "%5B"}) {
    if (!text.starts_with(open)) continue;
    text.remove_prefix(open.size());
    return ParseAddress(text.substr(0, text.find(open == "[" ? "]" : "%5D")));
  }
  const size_t colon = text.find(':');
  const bool has_port = colon != std::string_view::npos && text.find(':', colon + 1) == text.npos;
  return ParseAddress(has_port ? text.substr(0, colon) : text);
}

ClientAddress Describe(const IpAddress& address) {
  const size_t shared = IsV4(address) ? address.size() : 8;
  return {FormatAddress(address),
          std::string(reinterpret_cast<const char*>(address.data()), shared)};
}

}  // namespace

absl::StatusOr<ClientAddresses> ClientAddresses::Make(const std::vector<std::string>& trusted) {
  ClientAddresses addresses;
  for (const std::string& text : trusted) {
    ASSIGN_OR_RETURN(addresses.trusted_.emplace_back(), IpNetwork::Parse(text));
  }
  return addresses;
}

bool ClientAddresses::Trusts(const IpAddress& address) const {
  for (const IpNetwork& network : trusted_) {
    if (network.Contains(address)) return true;
  }
  return false;
}

ClientAddress ClientAddresses::Find(std::string_view peer, std::string_view forwarded_for) const {
  for (const std::string_view scheme : {"ipv4:", "ipv6:"}) {
    if (peer.starts_with(scheme)) peer.remove_prefix(scheme.size());
  }
  std::optional<IpAddress> found = ReadHost(peer);
  const bool local = peer.starts_with("unix");
  if (!found && !local) return {std::string(peer), std::string(peer)};

  for (int hop = 0; hop < kMostHops && !forwarded_for.empty(); ++hop) {
    if (found && !Trusts(*found)) break;
    const size_t comma = forwarded_for.rfind(',');
    const bool last = comma == std::string_view::npos;
    const auto next = ReadHost(Trim(last ? forwarded_for : forwarded_for.substr(comma + 1)));
    // A proxy that is trusted writes addresses; what else stands there came from further away.
    if (!next) break;
    found = next;
    forwarded_for = last ? "" : forwarded_for.substr(0, comma);
  }
  return found ? Describe(*found) : ClientAddress{"unix", "unix"};
}

}  // namespace stackyard::gateway
