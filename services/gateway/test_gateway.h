// A gateway on a free port with a real backend behind it, for tests.
#pragma once

#include <grpcpp/create_channel.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>

#include "common/channel.h"
#include "common/clock.h"
#include "common/id.h"
#include "common/server.h"
#include "services/gateway/gateway.h"
#include "stackyard/v1/identity.grpc.pb.h"

namespace stackyard::gateway {

// A folder that goes with the test.
class TestFolder {
 public:
  TestFolder() : path_(std::filesystem::temp_directory_path() / ("gateway-test-" + RandomId())) {
    std::filesystem::create_directories(path_);
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  const std::filesystem::path path_;
};

// One replica.
class TestGateway {
 public:
  TestGateway(const GatewayOptions& options, const Clock& clock) {
    ServerOptions server;
    server.service = "gateway";
    server.listen = "127.0.0.1:0";
    server.drain = absl::Seconds(5);
    auto gateway = Gateway::Start(server, options, clock, registry_);
    if (!gateway.ok()) throw std::runtime_error(gateway.status().ToString());
    gateway_ = *std::move(gateway);
    channel_ = Connect(gateway_->target());
    std::ifstream(options.admin_token_file) >> admin_token_;
  }

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  const std::string& admin_token() const { return admin_token_; }
  prometheus::Registry& registry() { return registry_; }
  Gateway& server() { return *gateway_; }

 private:
  prometheus::Registry registry_;
  std::unique_ptr<Gateway> gateway_;
  std::shared_ptr<grpc::Channel> channel_;
  std::string admin_token_;
};

// A context with a token; without one when it is empty.
inline std::unique_ptr<grpc::ClientContext> WithToken(const std::string& token,
                                                      absl::Duration timeout = absl::Seconds(20)) {
  auto context = std::make_unique<grpc::ClientContext>();
  Prepare(*context, timeout);
  if (!token.empty()) context->AddMetadata("authorization", "Bearer " + token);
  return context;
}

// Calls a unary RPC: `Call(&v1::IdentityService::Stub::GetUser, *stub, token, request, &user)`.
template <typename Stub, typename Request, typename Response>
grpc::Status Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                  Stub& stub, const std::string& token, const Request& request,
                  Response* response) {
  const auto context = WithToken(token);
  return (stub.*method)(context.get(), request, response);
}

}  // namespace stackyard::gateway
