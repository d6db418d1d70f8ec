// Spans of gRPC calls: of those that a server answers, and of those that a channel makes.
#pragma once

#include <grpcpp/support/client_interceptor.h>
#include <grpcpp/support/server_interceptor.h>

#include <memory>
#include <vector>

namespace stackyard {

// A span for each call whose caller is recorded. The handler finds the traceparent of that span in
// the metadata, in the place of the caller's. Calls of nobody's trace, such as long polls and
// probes, have none.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> TraceServerCalls();

// The same for calls that are made; who is called gets the traceparent of the call's span.
std::vector<std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>>
TraceClientCalls();

}  // namespace stackyard
