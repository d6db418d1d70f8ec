#include "services/gateway/local_routes.h"

#include <array>

namespace stackyard::gateway {
namespace {

Route Open(const char* method, bool client_streaming, bool server_streaming) {
  Route route;
  route.method = method;
  route.backend = "gateway";
  route.audience = Audience::kPublic;
  route.client_streaming = client_streaming;
  route.server_streaming = server_streaming;
  route.index = -1;
  return route;
}

}  // namespace

const Route* FindLocalRoute(std::string_view method) {
  static const std::array<Route, 3> routes = {
      Open("/grpc.health.v1.Health/Check", false, false),
      Open("/grpc.health.v1.Health/Watch", false, true),
      Open("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", true, true)};
  for (const Route& route : routes) {
    if (route.method == method) return &route;
  }
  return nullptr;
}

}  // namespace stackyard::gateway
