// Calls of a real server, and what is counted of them.
#include "common/rpc_metrics.h"

#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include "common/channel.h"
#include "common/poll_until.h"
#include "common/server.h"
#include "common/test_metrics.h"
#include "common/work.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "stackyard/v1/projects.grpc.pb.h"

namespace stackyard {
namespace {

constexpr absl::Duration kSoon = absl::Seconds(30);

class Projects final : public v1::ProjectService::Service {
 public:
  grpc::Status GetProject(grpc::ServerContext*, const v1::GetProjectRequest* request,
                          v1::Project*) override {
    if (request->name().empty()) return {grpc::StatusCode::INVALID_ARGUMENT, "which one?"};
    if (request->name() == "slow") {
      entered.Notify();
      leave.Wait(0, absl::Seconds(30));
    }
    return grpc::Status::OK;
  }
  Notifier entered, leave;
};

class RpcMetricsTest : public testing::Test {
 protected:
  RpcMetricsTest() {
    ServerOptions options;
    options.service = "test";
    options.listen = "127.0.0.1:0";
    options.metrics = &registry_;
    server_ = *Server::Start(options, {&projects_});
    channel_ = Connect(server_->target());
  }
  grpc::StatusCode Call(const std::string& name, absl::Duration time = absl::Seconds(30)) {
    grpc::ClientContext context;
    Prepare(context, time);
    v1::GetProjectRequest request;
    request.set_name(name);
    v1::Project response;
    return v1::ProjectService::NewStub(channel_)
        ->GetProject(&context, request, &response)
        .error_code();
  }
  static MetricLabels Method(const std::string& type = "unary",
                             const std::string& service = "stackyard.v1.ProjectService",
                             const std::string& method = "GetProject") {
    return {{"grpc_type", type}, {"grpc_service", service}, {"grpc_method", method}};
  }
  double Started(const MetricLabels& labels = Method()) {
    return MetricValue(registry_, "grpc_server_started_total", labels);
  }
  double Handled(const std::string& code, MetricLabels labels = Method()) {
    labels["grpc_code"] = code;
    return MetricValue(registry_, "grpc_server_handled_total", labels);
  }
  double Timed() { return MetricValue(registry_, "grpc_server_handling_seconds", Method()); }

  prometheus::Registry registry_;
  Projects projects_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(RpcMetricsTest, CountsCallsByMethodAndStatus) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Call("projects/web"), grpc::StatusCode::OK);
  EXPECT_EQ(Call(""), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Started(), 4);
  EXPECT_EQ(Handled("OK"), 3);
  EXPECT_EQ(Handled("INVALID_ARGUMENT"), 1);
  EXPECT_EQ(Handled("UNKNOWN"), -1) << "codes that never came are not shown";
  EXPECT_EQ(Timed(), 4);
}

TEST_F(RpcMetricsTest, TimesACallUntilItsEnd) {
  const Task caller("caller", [&] { EXPECT_EQ(Call("slow"), grpc::StatusCode::OK); });
  projects_.entered.Wait(0, absl::Seconds(30));
  const absl::Time entered = absl::Now();
  EXPECT_EQ(Started(), 1);
  EXPECT_EQ(Timed(), 0) << "it goes on";
  const absl::Duration least = absl::Now() - entered;
  projects_.leave.Notify();
  ASSERT_TRUE(PollUntil([&] { return Timed() == 1; }, kSoon));
  EXPECT_GE(MetricSum(registry_, "grpc_server_handling_seconds", Method()),
            absl::ToDoubleSeconds(least));
}

TEST_F(RpcMetricsTest, ACallWhoseCallerIsGoneIsCountedToo) {
  EXPECT_EQ(Call("slow", absl::Milliseconds(50)), grpc::StatusCode::DEADLINE_EXCEEDED);
  projects_.leave.Notify();
  ASSERT_TRUE(PollUntil([&] { return Timed() == Started(); }, kSoon));
  EXPECT_LE(Started(), 1);
}

TEST_F(RpcMetricsTest, StreamsHaveTheirType) {
  auto stub = grpc::health::v1::Health::NewStub(channel_);
  grpc::ClientContext context;
  Prepare(context, absl::Seconds(30));
  auto watch = stub->Watch(&context, {});
  grpc::health::v1::HealthCheckResponse response;
  ASSERT_TRUE(watch->Read(&response));
  context.TryCancel();
  watch->Finish();
  const MetricLabels labels = Method("server_stream", "grpc.health.v1.Health", "Watch");
  EXPECT_EQ(Started(labels), 1);
  EXPECT_TRUE(PollUntil(
      [&] { return MetricValue(registry_, "grpc_server_handling_seconds", labels) == 1; }, kSoon));
}

TEST_F(RpcMetricsTest, NamesThatClientsMakeUpAreNoLabels) {
  grpc::GenericStub stub(channel_);
  for (const char* path :
       {"/made.Up/One", "/made.Up/Two", "/stackyard.v1.ProjectService/X", "nothing", "/"}) {
    grpc::ClientContext context;
    Prepare(context, absl::Seconds(30));
    Notifier done;
    const grpc::Slice nothing;
    grpc::ByteBuffer request(&nothing, 1), response;
    grpc::StatusCode code = grpc::StatusCode::OK;
    stub.UnaryCall(&context, path, {}, &request, &response, [&](const grpc::Status& status) {
      code = status.error_code();
      done.Notify();
    });
    done.Wait(0, absl::Seconds(30));
    EXPECT_NE(code, grpc::StatusCode::OK) << path;
  }
  for (const auto& family : registry_.Collect()) {
    for (const auto& metric : family.metric) {
      for (const auto& label : metric.label) {
        EXPECT_EQ(label.value.find("made"), std::string::npos) << family.name;
        EXPECT_NE(label.value, "X") << family.name;
      }
    }
    EXPECT_LE(family.metric.size(), 2U) << family.name;
  }
}

}  // namespace
}  // namespace stackyard
