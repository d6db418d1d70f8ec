// Counts and times of a gRPC server's calls, by the names that dashboards for gRPC know.
#pragma once

#include <grpcpp/support/server_interceptor.h>
#include <prometheus/registry.h>

#include <memory>

namespace stackyard {

// For a ServerBuilder. The registry must outlive the server. Labels are the methods that the
// program knows and gRPC's codes; any other method counts as `unknown`.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeRpcMetrics(
    prometheus::Registry& registry);

}  // namespace stackyard
