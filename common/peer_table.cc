#include "common/peer_table.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace stackyard {
namespace {

constexpr std::string_view kGateway = "gateway";

bool IsOpen(std::string_view grpc_service) {
  return grpc_service == "grpc.health.v1.Health" ||
         absl::StartsWith({grpc_service.data(), grpc_service.size()}, "grpc.reflection.");
}

// `package.Service` of `/package.Service/Method`; empty for anything else.
std::string_view ServiceOf(std::string_view path) {
  const size_t end = path.rfind('/');
  if (path.empty() || path[0] != '/' || end == 0) return {};
  return path.substr(1, end - 1);
}

absl::Status Refusal(std::string_view path, std::string_view peer, std::string_view why) {
  return Error(v1::PEER_REFUSED,
               absl::StrCat("the service `", std::string(peer), "` may not call ",
                            std::string(path.substr(0, 200)), std::string(why)),
               {{"peer", peer}});
}

}  // namespace

bool PeerTable::Covers(std::string_view grpc_service) const {
  return IsOpen(grpc_service) || entries_.find(grpc_service) != entries_.end();
}

absl::Status PeerTable::Check(std::string_view path, std::string_view peer,
                              bool has_principal) const {
  const std::string_view service = ServiceOf(path);
  if (!IsOpen(service)) {
    const auto entry = entries_.find(service);
    const bool allowed =
        entry != entries_.end() &&
        std::find(entry->second.begin(), entry->second.end(), peer) != entry->second.end();
    if (!allowed) return Refusal(path, peer, "");
  }
  if (has_principal && peer != kGateway) return Refusal(path, peer, " in the name of a user");
  return absl::OkStatus();
}

}  // namespace stackyard
