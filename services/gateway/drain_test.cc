// What probes are told of a gateway, and how it leaves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "common/grpc_status.h"
#include "common/health.h"
#include "common/poll_until.h"
#include "common/work.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "services/gateway/test_gateway.h"

namespace stackyard::gateway {
namespace {

using ::testing::HasSubstr;
using Stub = v1::IdentityService::Stub;
using grpc::health::v1::HealthCheckResponse;

constexpr absl::Duration kPatience = absl::Seconds(30);

// Before any thread is there: they inherit it.
const bool kSignalsWait = (BlockSignals(), true);

bool Serves(const std::string& target, const std::string& name) {
  auto stub = grpc::health::v1::Health::NewStub(Connect(target));
  grpc::ClientContext context;
  Prepare(context, kPatience);
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(name);
  HealthCheckResponse response;
  const absl::Status status = FromGrpc(stub->Check(&context, request, &response));
  EXPECT_TRUE(status.ok()) << status;
  return response.status() == HealthCheckResponse::SERVING;
}

class DrainTest : public ::testing::Test {
 protected:
  DrainTest() {
    server_.listen = "127.0.0.1:0";
    server_.health_listen = "127.0.0.1:0";
    options_.database = "sqlite:" + (folder_ / "gateway.db");
    options_.admin_token_file = folder_ / "token";
    // Where nobody is.
    options_.stacks_target = "unix:" + (folder_ / "stacks.sock");
    options_.quota_target = "unix:" + (folder_ / "quota.sock");
  }
  void Start() {
    auto gateway = Gateway::Start(server_, options_, clock_, registry_);
    ASSERT_TRUE(gateway.ok()) << gateway.status();
    gateway_ = *std::move(gateway);
    std::ifstream(options_.admin_token_file) >> token_;
  }
  // Over a connection of its own.
  grpc::Status WhoAmI() {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    auto stub = v1::IdentityService::NewStub(grpc::CreateCustomChannel(
        gateway_->target(), grpc::InsecureChannelCredentials(), arguments));
    v1::WhoAmIResponse response;
    return Call(&Stub::WhoAmI, *stub, token_, v1::WhoAmIRequest(), &response);
  }

  TestFolder folder_;
  FakeClock clock_;
  prometheus::Registry registry_;
  ServerOptions server_;
  GatewayOptions options_;
  std::unique_ptr<Gateway> gateway_;
  std::string token_;
};

TEST_F(DrainTest, ItIsReadyWithoutItsBackends) {
  Start();
  EXPECT_TRUE(Serves(gateway_->health_target(), kLiveness));
  EXPECT_TRUE(PollUntil([&] { return Serves(gateway_->health_target(), kReadiness); }, kPatience));
  EXPECT_TRUE(Serves(gateway_->target(), ""));
}

TEST_F(DrainTest, AfterTheSignalEverythingIsServedUntilTheDelayIsOver) {
  server_.drain_delay = absl::Hours(1);
  Start();
  ASSERT_TRUE(PollUntil([&] { return Serves(gateway_->target(), ""); }, kPatience));
  Notifier ended;
  {
    const Task serving("serving", [&] {
      EXPECT_EQ(gateway_->ServeUntilSignal(), 0);
      ended.Notify();
    });
    kill(getpid(), SIGTERM);
    ASSERT_TRUE(PollUntil([&] { return !Serves(gateway_->target(), ""); }, kPatience));
    EXPECT_FALSE(Serves(gateway_->health_target(), kReadiness));
    EXPECT_TRUE(Serves(gateway_->health_target(), kLiveness));
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(WhoAmI().ok());
    EXPECT_EQ(ended.Count(), 0);
    // Whoever cannot wait says so again.
    kill(getpid(), SIGTERM);
  }
  EXPECT_EQ(ended.Count(), 1);
  EXPECT_TRUE(Serves(gateway_->health_target(), kLiveness)) << "until the process is gone";
  EXPECT_FALSE(Serves(gateway_->health_target(), kReadiness));
}

TEST_F(DrainTest, TimesThatAreNoneAreRefused) {
  server_.drain_delay = absl::Seconds(-1);
  EXPECT_THAT(std::string(Gateway::Start(server_, options_, clock_, registry_).status().message()),
              HasSubstr("--drain-delay is not from 0 to 168h"));
}

}  // namespace
}  // namespace stackyard::gateway
