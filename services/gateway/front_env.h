// A gateway before a backend of documents and endless watches, for tests of its public port.
#pragma once

#include <gmock/gmock.h>
#include <grpcpp/security/server_credentials.h>
#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "common/grpc_status.h"
#include "common/poll_until.h"
#include "common/status.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "services/gateway/front.h"
#include "services/gateway/raw_http2.h"
#include "services/gateway/test_gateway.h"
#include "stackyard/v1/documents.grpc.pb.h"
#include "stackyard/v1/stacks.grpc.pb.h"

namespace stackyard::gateway {

inline constexpr char kHealth[] = "/grpc.health.v1.Health/Check";
inline constexpr char kPublic[] = "/stackyard.v1.DocumentService/ReadPublicDocument";
inline constexpr char kUpdate[] = "/stackyard.v1.StackService/UpdateStack";
inline constexpr char kWatch[] = "/stackyard.v1.StackService/WatchStack";
inline constexpr int kHeadersEnd = NGHTTP2_FLAG_END_HEADERS;

class Documents final : public v1::DocumentService::Service {
 public:
  grpc::Status ReadPublicDocument(grpc::ServerContext*,
                                  const v1::ReadPublicDocumentRequest* request,
                                  google::api::HttpBody* response) override {
    ++calls;
    response->set_data(request->document());
    return grpc::Status::OK;
  }
  std::atomic<int> calls{0};
};

// Watches never end by themselves.
class Stacks final : public v1::StackService::Service {
 public:
  grpc::Status WatchStack(grpc::ServerContext* context, const v1::WatchStackRequest*,
                          grpc::ServerWriter<v1::WatchStackResponse>* writer) override {
    v1::WatchStackResponse response;
    response.set_resume_token(std::string(1000, 't'));
    while (writer->Write(response)) bytes += 1000;
    return grpc::Status::CANCELLED;
  }
  grpc::Status UpdateStack(grpc::ServerContext*, const v1::UpdateStackRequest*,
                           google::longrunning::Operation*) override {
    return grpc::Status::OK;
  }
  std::atomic<int64_t> bytes{0};
};

class FrontTest : public ::testing::Test {
 protected:
  FrontTest() {
    StartBackend();
    options_.stacks_target = "unix:" + (folder_ / "stacks.sock");
    options_.database = "sqlite:" + (folder_ / "gateway.db");
    options_.admin_token_file = folder_ / "token";
  }

  void StartBackend() {
    ServerOptions options;
    options.listen = "unix:" + (folder_ / "stacks.sock");
    options.drain = absl::ZeroDuration();
    backend_ = *Server::Start(options, {&documents_, &stacks_});
  }

  void Start() { gateway_ = std::make_unique<TestGateway>(options_, clock_); }

  int port() {
    const std::string& target = gateway_->server().target();
    int port = 0;
    EXPECT_TRUE(absl::SimpleAtoi(target.substr(target.rfind(':') + 1), &port));
    return port;
  }

  double Limited(const std::string& limit) {
    for (const auto& family : gateway_->registry().Collect()) {
      if (family.name != "stackyard_gateway_limited_total") continue;
      for (const auto& metric : family.metric) {
        if (metric.label[0].value == limit) return metric.counter.value;
      }
    }
    return -1;
  }

  // Whether the gateway serves as if nothing had been.
  bool Healthy() {
    RawHttp2 client(port());
    client.Greet();
    client.Send(NGHTTP2_HEADERS, kHeadersEnd, 1, RawHttp2::Request(kHealth));
    client.Send(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, RawHttp2::Message(""));
    return client.ReadStatus()["grpc-status"] == "0";
  }

  grpc::Status ReadDocument(const std::shared_ptr<grpc::Channel>& channel) {
    const auto stub = v1::DocumentService::NewStub(channel);
    v1::ReadPublicDocumentRequest request;
    request.set_document("x");
    google::api::HttpBody body;
    return Call(&v1::DocumentService::Stub::ReadPublicDocument, *stub, "", request, &body);
  }

  TestFolder folder_;
  SystemClock clock_;
  Documents documents_;
  Stacks stacks_;
  std::unique_ptr<Server> backend_;
  GatewayOptions options_;
  std::unique_ptr<TestGateway> gateway_;
};

inline std::string Reason(std::map<std::string, std::string> status) {
  std::string details = status["grpc-status-details-bin"];
  details.resize((details.size() + 3) / 4 * 4, '=');
  std::string bytes;
  google::rpc::Status proto;
  if (!absl::Base64Unescape(details, &bytes) || !proto.ParseFromString(bytes)) return "";
  return v1::ErrorReason_Name(ReasonOf(FromProto(proto)));
}

}  // namespace stackyard::gateway
