#include "common/server.h"

#include <gtest/gtest.h>

#include "common/channel.h"
#include "common/grpc_status.h"
#include "common/id.h"
#include "common/principal.h"
#include "common/work.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "stackyard/v1/projects.grpc.pb.h"

namespace stackyard {
namespace {

class Projects final : public v1::ProjectService::Service {
 public:
  grpc::Status GetProject(grpc::ServerContext* context, const v1::GetProjectRequest* request,
                          v1::Project* response) override {
    entered.Notify();
    leave.Wait(0, absl::Seconds(30));
    auto caller = CallerOf(*context);
    if (!caller.ok()) return ToGrpc(caller.status());
    response->set_name(request->name());
    return grpc::Status::OK;
  }
  Notifier entered, leave;
};

class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    ServerOptions options;
    options.service = "test";
    options.listen = "127.0.0.1:0";
    server_ = *Server::Start(options, {&projects_}, [this] { drained_.Notify(); });
  }

  Projects projects_;
  Notifier drained_;
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, HealthSaysServing) {
  auto stub = grpc::health::v1::Health::NewStub(Connect(server_->target()));
  grpc::ClientContext context;
  Prepare(context, absl::Seconds(10));
  grpc::health::v1::HealthCheckResponse response;
  ASSERT_TRUE(stub->Check(&context, {}, &response).ok());
  EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::SERVING);
}

TEST_F(ServerTest, ACallWithoutThePrincipalIsRefused) {
  projects_.leave.Notify();
  auto stub = v1::ProjectService::NewStub(Connect(server_->target()));
  grpc::ClientContext context;
  Prepare(context, absl::Seconds(10));
  v1::Project response;
  const absl::Status status = FromGrpc(stub->GetProject(&context, {}, &response));
  EXPECT_EQ(ReasonOf(status), v1::INTERNAL_FAULT);
}

TEST_F(ServerTest, ADrainWaitsForTheCallThatGoesOn) {
  auto stub = v1::ProjectService::NewStub(Connect(server_->target()));
  absl::Status status = absl::UnknownError("not called");
  v1::Project response;
  {
    const Task caller("caller", [&] {
      grpc::ClientContext context;
      Prepare(context, absl::Seconds(30));
      Principal principal;
      principal.set_user("users/ann");
      context.AddMetadata(kPrincipalKey, principal.SerializeAsString());
      v1::GetProjectRequest request;
      request.set_name("projects/p");
      status = FromGrpc(stub->GetProject(&context, request, &response));
    });
    projects_.entered.Wait(0, absl::Seconds(30));
    const Task stopper("stopper", [&] { server_->Shutdown(); });
    drained_.Wait(0, absl::Seconds(30));
    projects_.leave.Notify();
  }
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(response.name(), "projects/p");
}

TEST(ServerStartTest, ATakenAddressIsOneClearError) {
  ServerOptions options;
  options.listen = "127.0.0.1:0";
  auto first = *Server::Start(options, {});
  options.listen = first->target();
  const absl::Status status = Server::Start(options, {}).status();
  EXPECT_NE(status.message().find("--listen=127.0.0.1:"), absl::string_view::npos) << status;
}

}  // namespace
}  // namespace stackyard
