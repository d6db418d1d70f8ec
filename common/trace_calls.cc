#include "common/trace_calls.h"

#include <grpcpp/server_context.h>

#include <string>
#include <string_view>

#include "common/principal.h"
#include "common/span.h"

namespace stackyard {
namespace {

using grpc::experimental::ClientInterceptorFactoryInterface;
using grpc::experimental::ClientRpcInfo;
using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::Interceptor;
using grpc::experimental::InterceptorBatchMethods;
using grpc::experimental::ServerInterceptorFactoryInterface;
using grpc::experimental::ServerRpcInfo;

std::string_view NameOf(const char* method) {
  std::string_view name = method;
  if (name.starts_with('/')) name.remove_prefix(1);
  return name;
}

// Lives as long as the call's context, and so longer than what it puts into its metadata is read.
class ServerCall final : public Interceptor {
 public:
  explicit ServerCall(const char* method) : method_(method) {}
  ~ServerCall() override {
    // Its caller went away before there was an answer.
    if (span_.recording()) span_.SetGrpcStatus(grpc::StatusCode::CANCELLED);
  }

  void Intercept(InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_INITIAL_METADATA)) {
      Begin(*methods->GetRecvInitialMetadata());
    }
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      span_.SetGrpcStatus(methods->GetSendStatus().error_code());
      span_.End();
    }
    methods->Proceed();
  }

 private:
  void Begin(std::multimap<grpc::string_ref, grpc::string_ref>& metadata) {
    const auto found = metadata.find(kTraceparentKey);
    if (found == metadata.end()) return;
    span_ = Span::RemoteChild(NameOf(method_), SpanKind::kServer,
                              {found->second.data(), found->second.size()});
    if (!span_.recording()) return;
    span_.SetRpc(method_);
    traceparent_ = span_.Traceparent("");
    found->second = traceparent_;
  }

  const char* const method_;
  Span span_;
  std::string traceparent_;
};

class ServerCalls final : public ServerInterceptorFactoryInterface {
 public:
  Interceptor* CreateServerInterceptor(ServerRpcInfo* info) override {
    return new ServerCall(info->method());
  }
};

class ClientCall final : public Interceptor {
 public:
  explicit ClientCall(const char* method) : method_(method) {}
  ~ClientCall() override {
    if (span_.recording()) span_.SetGrpcStatus(grpc::StatusCode::CANCELLED);
  }

  void Intercept(InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_INITIAL_METADATA)) {
      Begin(*methods->GetSendInitialMetadata());
    }
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_STATUS)) {
      span_.SetGrpcStatus(methods->GetRecvStatus()->error_code());
      span_.End();
    }
    methods->Proceed();
  }

 private:
  void Begin(std::multimap<std::string, std::string>& metadata) {
    const auto found = metadata.find(kTraceparentKey);
    if (found == metadata.end()) return;
    span_ = Span::Child(NameOf(method_), SpanKind::kClient, found->second);
    if (!span_.recording()) return;
    span_.SetRpc(method_);
    found->second = span_.Traceparent("");
  }

  const char* const method_;
  Span span_;
};

class ClientCalls final : public ClientInterceptorFactoryInterface {
 public:
  Interceptor* CreateClientInterceptor(ClientRpcInfo* info) override {
    return new ClientCall(info->method());
  }
};

}  // namespace

std::unique_ptr<ServerInterceptorFactoryInterface> TraceServerCalls() {
  return std::make_unique<ServerCalls>();
}

std::vector<std::unique_ptr<ClientInterceptorFactoryInterface>> TraceClientCalls() {
  std::vector<std::unique_ptr<ClientInterceptorFactoryInterface>> factories;
  factories.push_back(std::make_unique<ClientCalls>());
  return factories;
}

}  // namespace stackyard
