// Makes reflection list the services that are forwarded.
#pragma once

#include <grpcpp/impl/service_type.h>

#include <memory>
#include <string>
#include <vector>

namespace stackyard::gateway {

// Reflection describes all linked protos, but lists only services that are registered, which
// those behind the proxy are not. Each result is such a service by name, with no RPC of the
// service: the proxy still gets every call of it.
std::vector<std::unique_ptr<grpc::Service>> ListedServices(const std::vector<std::string>& names);

}  // namespace stackyard::gateway
