#include "services/gateway/listener.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/listen_address.h"
#include "common/status_macros.h"

namespace stackyard::gateway {
namespace {

constexpr int kType = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
constexpr int kBacklog = 1024;

absl::Status Unusable(const std::string& address) {
  return absl::UnavailableError(
      absl::StrCat("--listen=", address, " cannot be used: taken, or not an address of ours"));
}

// Whether nobody listens at the path, although there is a socket.
bool IsLeftOver(const sockaddr_un& where) {
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return false;
  const bool refused =
      connect(probe, reinterpret_cast<const sockaddr*>(&where), sizeof(where)) != 0 &&
      errno == ECONNREFUSED;
  close(probe);
  return refused;
}

absl::StatusOr<Listener> ListenUnix(const std::string& address, absl::string_view path) {
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(where.sun_path)) return Unusable(address);
  RETURN_IF_ERROR(PrepareSocketFolder(std::string(path)));
  std::memcpy(where.sun_path, path.data(), path.size());
  if (IsLeftOver(where)) unlink(where.sun_path);
  const int listening = socket(AF_UNIX, kType, 0);
  const mode_t mask = umask(0077);
  const bool good = listening >= 0 &&
                    bind(listening, reinterpret_cast<sockaddr*>(&where), sizeof(where)) == 0 &&
                    listen(listening, kBacklog) == 0;
  umask(mask);
  if (good) return Listener{listening, 0, address};
  if (listening >= 0) close(listening);
  return Unusable(address);
}

int ListenAt(const addrinfo& where) {
  const int listening = socket(where.ai_family, kType, 0);
  if (listening < 0) return -1;
  const int on = 1;
  // Connections of the process before may be in their last state.
  setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (where.ai_family == AF_INET6) {
    const int off = 0;
    setsockopt(listening, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
  }
  if (bind(listening, where.ai_addr, where.ai_addrlen) == 0 && listen(listening, kBacklog) == 0) {
    return listening;
  }
  close(listening);
  return -1;
}

int PortOf(int socket) {
  sockaddr_storage local{};
  socklen_t length = sizeof(local);
  getsockname(socket, reinterpret_cast<sockaddr*>(&local), &length);
  return ntohs(local.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(local).sin6_port
                                           : reinterpret_cast<sockaddr_in&>(local).sin_port);
}

}  // namespace

absl::StatusOr<Listener> Listen(const std::string& address) {
  absl::string_view rest = address;
  if (absl::ConsumePrefix(&rest, "unix:")) return ListenUnix(address, rest);
  const size_t colon = rest.rfind(':');
  if (colon == absl::string_view::npos) return Unusable(address);
  absl::string_view host = rest.substr(0, colon);
  if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.empty() ? nullptr : std::string(host).c_str(),
                  std::string(rest.substr(colon + 1)).c_str(), &hints, &found) != 0) {
    return Unusable(address);
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, freeaddrinfo);
  for (const addrinfo* where = found; where != nullptr; where = where->ai_next) {
    const int listening = ListenAt(*where);
    if (listening < 0) continue;
    const int port = PortOf(listening);
    return Listener{listening, port, absl::StrCat(rest.substr(0, colon), ":", port)};
  }
  return Unusable(address);
}

Accepted Accept(int listening) {
  Accepted accepted;
  sockaddr_storage from{};
  socklen_t length = sizeof(from);
  accepted.socket =
      accept4(listening, reinterpret_cast<sockaddr*>(&from), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (accepted.socket < 0) {
    accepted.error = errno;
    return accepted;
  }
  char text[INET6_ADDRSTRLEN] = "";
  if (from.ss_family == AF_INET) {
    const auto& four = reinterpret_cast<const sockaddr_in&>(from);
    inet_ntop(AF_INET, &four.sin_addr, text, sizeof(text));
    accepted.address = text;
    accepted.peer = absl::StrCat("ipv4:", text, ":", ntohs(four.sin_port));
  } else if (from.ss_family == AF_INET6) {
    const auto& six = reinterpret_cast<const sockaddr_in6&>(from);
    inet_ntop(AF_INET6, &six.sin6_addr, text, sizeof(text));
    accepted.peer = absl::StrCat("ipv6:%5B", text, "%5D:", ntohs(six.sin6_port));
    // One host has a whole /64 at least.
    in6_addr network = six.sin6_addr;
    std::memset(network.s6_addr + 8, 0, 8);
    inet_ntop(AF_INET6, &network, text, sizeof(text));
    accepted.address = text;
  } else {
    accepted.address = accepted.peer = "unix:";
  }
  return accepted;
}

}  // namespace stackyard::gateway
