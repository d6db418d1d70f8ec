// The front between real channels.
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <thread>

#include "absl/synchronization/notification.h"
#include "common/grpc_status.h"
#include "common/principal.h"
#include "common/status.h"
#include "google/rpc/error_details.pb.h"
#include "services/gateway/front.h"
#include "services/gateway/test_gateway.h"
#include "stackyard/v1/catalog.grpc.pb.h"
#include "stackyard/v1/documents.grpc.pb.h"
#include "stackyard/v1/quota.grpc.pb.h"
#include "stackyard/v1/stacks.grpc.pb.h"

namespace stackyard::gateway {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;
using ::testing::StartsWith;

// What the backend saw of the last call.
struct Seen {
  std::multimap<std::string, std::string> metadata;
  Principal principal;
  std::chrono::system_clock::time_point deadline;

  void Take(const grpc::ServerContext& context) {
    metadata.clear();
    for (const auto& [key, value] : context.client_metadata()) {
      metadata.emplace(std::string(key.data(), key.size()),
                       std::string(value.data(), value.size()));
    }
    const auto caller = CallerOf(context);
    EXPECT_TRUE(caller.ok()) << caller.status();
    if (caller.ok()) principal = *caller;
    deadline = context.deadline();
  }
};

class Stacks final : public v1::StackService::Service {
 public:
  grpc::Status GetStack(grpc::ServerContext* context, const v1::GetStackRequest* request,
                        v1::Stack* response) override {
    ++calls;
    seen.Take(*context);
    if (request->name() == "projects/web/stacks/slow") {
      slow_started.Notify();
      while (!context->IsCancelled()) std::this_thread::yield();
      slow_cancelled.Notify();
      return grpc::Status::CANCELLED;
    }
    if (request->name() == "projects/web/stacks/locked") {
      context->AddTrailingMetadata("retry-after", "7");
      context->AddTrailingMetadata("x-stackyard-internal", "secret");
      return ToGrpc(Error(v1::STATE_LOCKED, "locked by ann", {{"holder", "ann"}}));
    }
    response->set_name(request->name());
    return grpc::Status::OK;
  }

  grpc::Status UpdateStack(grpc::ServerContext* context, const v1::UpdateStackRequest* request,
                           google::longrunning::Operation* response) override {
    ++calls;
    response->set_name(request->stack().name());
    return grpc::Status::OK;
  }

  grpc::Status ListStacks(grpc::ServerContext* context, const v1::ListStacksRequest* request,
                          v1::ListStacksResponse* response) override {
    ++calls;
    seen.Take(*context);
    return grpc::Status::OK;
  }

  // Three messages; for the stack `endless` as many as are read.
  grpc::Status WatchStack(grpc::ServerContext* context, const v1::WatchStackRequest* request,
                          grpc::ServerWriter<v1::WatchStackResponse>* writer) override {
    ++calls;
    const bool endless = request->name() == "projects/web/stacks/endless";
    v1::WatchStackResponse response;
    for (int i = 0; endless || i < 3; ++i) {
      response.set_resume_token(std::to_string(i));
      if (!writer->Write(response)) {
        // Others are given up too, many at a time.
        if (endless) stream_ended.Notify();
        return grpc::Status::CANCELLED;
      }
    }
    return ToGrpc(Error(v1::WRONG_STATE, "over"));
  }

  std::atomic<int> calls{0};
  Seen seen;
  absl::Notification slow_started, slow_cancelled, stream_ended;
};

class Catalog final : public v1::CatalogService::Service {
 public:
  grpc::Status PublishTemplateVersion(grpc::ServerContext* context,
                                      const v1::PublishTemplateVersionRequest* request,
                                      google::longrunning::Operation* response) override {
    response->set_name(std::to_string(request->ByteSizeLong()));
    return grpc::Status::OK;
  }
};

class Documents final : public v1::DocumentService::Service {
 public:
  grpc::Status ReadPublicDocument(grpc::ServerContext* context,
                                  const v1::ReadPublicDocumentRequest* request,
                                  google::api::HttpBody* response) override {
    const auto caller = CallerOf(*context);
    response->set_data(caller.ok() ? "caller:" + caller->user() : "none");
    return grpc::Status::OK;
  }
};

class ProxyTest : public ::testing::Test {
 protected:
  ProxyTest() {
    ServerOptions backend_options;
    backend_options.service = "stacks";
    backend_options.listen = "unix:" + (folder_ / "stacks.sock");
    backend_options.drain = absl::Seconds(1);
    backend_ = *Server::Start(backend_options, {&stacks_, &catalog_, &documents_});

    GatewayOptions options;
    options.stacks_target = backend_->target();
    options.quota_target = "unix:" + (folder_ / "nobody.sock");
    options.database = "sqlite:" + (folder_ / "gateway.db");
    options.admin_token_file = folder_ / "token";
    gateway_ = std::make_unique<TestGateway>(options, clock_);
    admin_ = gateway_->admin_token();
    stub_ = v1::StackService::NewStub(gateway_->channel());
    identity_ = v1::IdentityService::NewStub(gateway_->channel());
  }

  // A user with a role on a project; answers their token.
  std::string NewUser(const std::string& id, const std::string& role, const std::string& project) {
    v1::CreateUserRequest create;
    create.set_user_id(id);
    v1::User user;
    EXPECT_TRUE(
        Call(&v1::IdentityService::Stub::CreateUser, *identity_, admin_, create, &user).ok());
    if (!role.empty()) {
      v1::CreateBindingRequest bind;
      bind.set_parent("projects/" + project);
      bind.mutable_binding()->set_member(user.name());
      bind.mutable_binding()->set_role("roles/" + role);
      v1::Binding binding;
      EXPECT_TRUE(
          Call(&v1::IdentityService::Stub::CreateBinding, *identity_, admin_, bind, &binding).ok());
    }
    v1::CreateTokenRequest request;
    request.set_parent(user.name());
    v1::CreateTokenResponse token;
    EXPECT_TRUE(
        Call(&v1::IdentityService::Stub::CreateToken, *identity_, admin_, request, &token).ok());
    return token.secret();
  }

  grpc::Status Get(const std::string& token, const std::string& name) {
    v1::GetStackRequest request;
    request.set_name(name);
    v1::Stack stack;
    return Call(&v1::StackService::Stub::GetStack, *stub_, token, request, &stack);
  }

  ErrorReason WhyNot(const grpc::Status& status) { return ReasonOf(FromGrpc(status)); }

  TestFolder folder_;
  SystemClock clock_;
  Stacks stacks_;
  Catalog catalog_;
  Documents documents_;
  std::unique_ptr<Server> backend_;
  std::unique_ptr<TestGateway> gateway_;
  std::string admin_;
  std::unique_ptr<v1::StackService::Stub> stub_;
  std::unique_ptr<v1::IdentityService::Stub> identity_;
};

TEST_F(ProxyTest, ForwardsAUnaryCall) {
  v1::GetStackRequest request;
  request.set_name("projects/web/stacks/shop");
  v1::Stack stack;
  const auto context = WithToken(admin_);
  context->AddMetadata("x-request-id", "r-17");
  context->AddMetadata("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  const grpc::Status status = stub_->GetStack(context.get(), request, &stack);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(stack.name(), "projects/web/stacks/shop");
  EXPECT_EQ(stacks_.seen.principal.user(), "users/admin");
  EXPECT_TRUE(stacks_.seen.principal.everywhere());
  EXPECT_THAT(stacks_.seen.principal.roles(), ElementsAre("admin"));
  EXPECT_EQ(stacks_.seen.principal.request_id(), "r-17");
  EXPECT_EQ(stacks_.seen.metadata.find("x-request-id")->second, "r-17");
  EXPECT_THAT(stacks_.seen.metadata.find("traceparent")->second, HasSubstr("4bf92f3577b34da6"));
  const auto returned = context->GetServerInitialMetadata().find("x-request-id");
  ASSERT_NE(returned, context->GetServerInitialMetadata().end());
  EXPECT_EQ(returned->second, "r-17");
}

TEST_F(ProxyTest, MakesIdsThatAreMissing) {
  const auto context = WithToken(admin_);
  v1::GetStackRequest request;
  request.set_name("projects/web/stacks/shop");
  v1::Stack stack;
  ASSERT_TRUE(stub_->GetStack(context.get(), request, &stack).ok());
  const auto id = context->GetServerInitialMetadata().find("x-request-id");
  ASSERT_NE(id, context->GetServerInitialMetadata().end());
  EXPECT_EQ(stacks_.seen.metadata.find("x-request-id")->second,
            std::string(id->second.data(), id->second.size()));
  EXPECT_THAT(stacks_.seen.metadata.find("traceparent")->second, StartsWith("00-"));
}

// The backend believes this metadata, so that nobody else may set it.
TEST_F(ProxyTest, StripsWhatOnlyTheGatewayMaySay) {
  const std::string token = NewUser("eve", "viewer", "web");
  Principal forged;
  forged.set_user("users/admin");
  forged.set_everywhere(true);
  const auto context = WithToken(token);
  context->AddMetadata("x-stackyard-principal-bin", forged.SerializeAsString());
  context->AddMetadata("x-stackyard-other", "1");
  context->AddMetadata("cookie", "c");
  v1::GetStackRequest request;
  request.set_name("projects/web/stacks/shop");
  v1::Stack stack;
  ASSERT_TRUE(stub_->GetStack(context.get(), request, &stack).ok());
  EXPECT_EQ(stacks_.seen.principal.user(), "users/eve");
  EXPECT_FALSE(stacks_.seen.principal.everywhere());
  EXPECT_EQ(stacks_.seen.metadata.count("x-stackyard-principal-bin"), 1u);
  EXPECT_EQ(stacks_.seen.metadata.count("x-stackyard-other"), 0u);
  EXPECT_EQ(stacks_.seen.metadata.count("authorization"), 0u);
  EXPECT_EQ(stacks_.seen.metadata.count("cookie"), 0u);
}

TEST_F(ProxyTest, RefusesWithoutAGoodToken) {
  for (const std::string& token :
       {std::string(), std::string("nonsense"), admin_.substr(0, admin_.size() - 1) + "!",
        "syt_aaaaaaaaaaaa_" + std::string(43, 'x')}) {
    const grpc::Status status = Get(token, "projects/web/stacks/shop");
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
    EXPECT_EQ(WhyNot(status), v1::TOKEN_INVALID);
  }
  EXPECT_EQ(stacks_.calls, 0);
}

TEST_F(ProxyTest, AStreamEndsWithItsCallersRightToIt) {
  const std::string token = NewUser("vera", "viewer", "web");
  const auto context = WithToken(token);
  v1::WatchStackRequest request;
  request.set_name("projects/web/stacks/endless");
  const auto reader = stub_->WatchStack(context.get(), request);
  v1::WatchStackResponse response;
  ASSERT_TRUE(reader->Read(&response));
  v1::UpdateUserRequest suspend;
  suspend.mutable_user()->set_name("users/vera");
  suspend.mutable_user()->set_suspended(true);
  suspend.mutable_update_mask()->add_paths("suspended");
  v1::User user;
  ASSERT_TRUE(
      Call(&v1::IdentityService::Stub::UpdateUser, *identity_, admin_, suspend, &user).ok());
  const absl::Time suspended = absl::Now();
  while (reader->Read(&response)) {
  }
  EXPECT_EQ(WhyNot(reader->Finish()), v1::TOKEN_INVALID);
  EXPECT_LT(absl::Now() - suspended, absl::Seconds(5));
}

TEST_F(ProxyTest, ALongNameIsRefusedLikeAShortOne) {
  const std::string token = NewUser("vera", "viewer", "web");
  v1::GetBindingRequest request;
  request.set_name("bindings/" + std::string(200'000, 'x'));
  v1::Binding binding;
  const grpc::Status status =
      Call(&v1::IdentityService::Stub::GetBinding, *identity_, token, request, &binding);
  EXPECT_EQ(WhyNot(status), v1::PERMISSION_MISSING) << status.error_message();
}

TEST_F(ProxyTest, RefusesWhatTheRoleDoesNotGive) {
  const std::string token = NewUser("vera", "viewer", "web");
  EXPECT_TRUE(Get(token, "projects/web/stacks/shop").ok());
  EXPECT_EQ(WhyNot(Get(token, "projects/api/stacks/shop")), v1::RESOURCE_NOT_FOUND);
  v1::UpdateStackRequest request;
  request.mutable_stack()->set_name("projects/web/stacks/shop");
  google::longrunning::Operation operation;
  const grpc::Status denied =
      Call(&v1::StackService::Stub::UpdateStack, *stub_, token, request, &operation);
  EXPECT_EQ(WhyNot(denied), v1::PERMISSION_MISSING);
  EXPECT_EQ(stacks_.calls, 1);

  // Each refusal is a row, once the house was kept, and a count.
  double denials = 0;
  for (const auto& family : gateway_->registry().Collect()) {
    if (family.name != "stackyard_gateway_denials_total") continue;
    for (const auto& metric : family.metric) denials += metric.counter.value;
  }
  EXPECT_EQ(denials, 2);
}

TEST_F(ProxyTest, AuthorisesTheNameThatTheBackendReads) {
  const std::string token = NewUser("eve", "viewer", "web");
  v1::GetStackRequest mine, theirs;
  mine.set_name("projects/web/stacks/shop");
  theirs.set_name("projects/api/stacks/shop");
  const grpc::Slice slice(mine.SerializeAsString() + theirs.SerializeAsString());
  grpc::ByteBuffer request(&slice, 1), response;
  grpc::GenericStub generic(gateway_->channel());
  const auto context = WithToken(token);
  grpc::Status status;
  absl::Notification done;
  generic.UnaryCall(context.get(), "/stackyard.v1.StackService/GetStack", grpc::StubOptions(),
                    &request, &response, [&](grpc::Status result) {
                      status = std::move(result);
                      done.Notify();
                    });
  done.WaitForNotification();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("more than once"));
  EXPECT_EQ(stacks_.calls, 0);
}

TEST_F(ProxyTest, InternalAndUnknownMethodsAreNotThere) {
  grpc::GenericStub generic(gateway_->channel());
  for (const char* method :
       {"/stackyard.internal.v1.RunQueueService/AcquireRuns", "/stackyard.v1.StackService/Nope",
        "/stackyard.v1.StackService/", "/x/y"}) {
    grpc::ByteBuffer request, response;
    const grpc::Slice slice("");
    request = grpc::ByteBuffer(&slice, 1);
    const auto context = WithToken(admin_);
    grpc::Status status;
    absl::Notification done;
    generic.UnaryCall(context.get(), method, grpc::StubOptions(), &request, &response,
                      [&](grpc::Status result) {
                        status = std::move(result);
                        done.Notify();
                      });
    done.WaitForNotification();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED) << method;
  }
}

TEST_F(ProxyTest, ErrorsKeepTheirDetails) {
  v1::GetStackRequest request;
  request.set_name("projects/web/stacks/locked");
  v1::Stack stack;
  const auto context = WithToken(admin_);
  const grpc::Status status = stub_->GetStack(context.get(), request, &stack);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(status.error_message(), "locked by ann");
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(ReadDetail(FromGrpc(status), info));
  EXPECT_EQ(info.reason(), "STATE_LOCKED");
  EXPECT_EQ(info.metadata().at("holder"), "ann");
  const auto& trailing = context->GetServerTrailingMetadata();
  EXPECT_EQ(trailing.find("retry-after")->second, "7");
  EXPECT_EQ(trailing.count("x-stackyard-internal"), 0u);
}

TEST_F(ProxyTest, AnAbsentBackendIsTold) {
  const auto quota = v1::QuotaService::NewStub(gateway_->channel());
  v1::ListUsageRequest request;
  request.set_parent("projects/web");
  v1::ListUsageResponse response;
  const auto context = std::make_unique<grpc::ClientContext>();
  context->AddMetadata("authorization", "Bearer " + admin_);
  const grpc::Status status = quota->ListUsage(context.get(), request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(WhyNot(status), v1::DEPENDENCY_UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("quota"));
}

TEST_F(ProxyTest, WhatTheBackendLacksIsNotBuilt) {
  v1::DeleteStackRequest request;
  request.set_name("projects/web/stacks/shop");
  google::longrunning::Operation operation;
  const grpc::Status status =
      Call(&v1::StackService::Stub::DeleteStack, *stub_, admin_, request, &operation);
  EXPECT_EQ(WhyNot(status), v1::NOT_BUILT);
}

TEST_F(ProxyTest, ForwardsAStream) {
  v1::WatchStackRequest request;
  request.set_name("projects/web/stacks/shop");
  const auto context = WithToken(admin_);
  const auto reader = stub_->WatchStack(context.get(), request);
  std::vector<std::string> tokens;
  v1::WatchStackResponse response;
  while (reader->Read(&response)) tokens.push_back(response.resume_token());
  EXPECT_THAT(tokens, ElementsAre("0", "1", "2"));
  EXPECT_EQ(WhyNot(reader->Finish()), v1::WRONG_STATE);
}

TEST_F(ProxyTest, RefusesAStreamBeforeItStarts) {
  const std::string token = NewUser("vera", "viewer", "web");
  v1::WatchStackRequest request;
  request.set_name("projects/api/stacks/shop");
  const auto context = WithToken(token);
  const auto reader = stub_->WatchStack(context.get(), request);
  v1::WatchStackResponse response;
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_EQ(WhyNot(reader->Finish()), v1::RESOURCE_NOT_FOUND);
  EXPECT_EQ(stacks_.calls, 0);
}

TEST_F(ProxyTest, TheClientsCancelReachesTheBackend) {
  v1::WatchStackRequest request;
  request.set_name("projects/web/stacks/endless");
  const auto context = WithToken(admin_);
  const auto reader = stub_->WatchStack(context.get(), request);
  v1::WatchStackResponse response;
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(reader->Read(&response));
  context->TryCancel();
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(stacks_.stream_ended.WaitForNotificationWithTimeout(absl::Seconds(20)));
}

TEST_F(ProxyTest, TheDeadlineReachesTheBackend) {
  v1::GetStackRequest request;
  request.set_name("projects/web/stacks/slow");
  v1::Stack stack;
  const auto context = WithToken(admin_, absl::Milliseconds(500));
  const auto deadline = context->deadline();
  EXPECT_EQ(stub_->GetStack(context.get(), request, &stack).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  ASSERT_TRUE(stacks_.slow_cancelled.WaitForNotificationWithTimeout(absl::Seconds(20)));
  EXPECT_LE(stacks_.seen.deadline, deadline + std::chrono::milliseconds(250));
}

TEST_F(ProxyTest, ABackendThatGoesAwayEndsTheCall) {
  v1::WatchStackRequest request;
  request.set_name("projects/web/stacks/endless");
  const auto context = WithToken(admin_);
  const auto reader = stub_->WatchStack(context.get(), request);
  v1::WatchStackResponse response;
  ASSERT_TRUE(reader->Read(&response));
  std::thread stop([&] { backend_->Shutdown(); });
  while (reader->Read(&response)) {
  }
  EXPECT_FALSE(reader->Finish().ok());
  stop.join();
}

TEST_F(ProxyTest, DrainEndsStreams) {
  v1::WatchStackRequest request;
  request.set_name("projects/web/stacks/endless");
  const auto context = WithToken(admin_);
  const auto reader = stub_->WatchStack(context.get(), request);
  v1::WatchStackResponse response;
  ASSERT_TRUE(reader->Read(&response));
  std::thread stop([&] { gateway_->server().Shutdown(); });
  while (reader->Read(&response)) {
  }
  EXPECT_EQ(WhyNot(reader->Finish()), v1::DEPENDENCY_UNAVAILABLE);
  stop.join();
}

TEST_F(ProxyTest, LargeMessagesPassAndTooLargeOnesDoNot) {
  const auto catalog = v1::CatalogService::NewStub(gateway_->channel());
  v1::PublishTemplateVersionRequest request;
  request.set_bundle(std::string(12 << 20, 'b'));
  google::longrunning::Operation operation;
  const grpc::Status status = Call(&v1::CatalogService::Stub::PublishTemplateVersion, *catalog,
                                   admin_, request, &operation);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(operation.name(), std::to_string(request.ByteSizeLong()));

  // The name is found in a message of many slices too.
  v1::UpdateStackRequest update;
  update.mutable_stack()->set_name("projects/web/stacks/shop");
  (*update.mutable_stack()->mutable_annotations())["a"] = std::string(5 << 20, 'a');
  EXPECT_TRUE(Call(&v1::StackService::Stub::UpdateStack, *stub_, admin_, update, &operation).ok());
  EXPECT_EQ(operation.name(), "projects/web/stacks/shop");

  grpc::ChannelArguments arguments;
  arguments.SetMaxSendMessageSize(-1);
  const auto wide = v1::CatalogService::NewStub(grpc::CreateCustomChannel(
      gateway_->server().target(), grpc::InsecureChannelCredentials(), arguments));
  request.set_bundle(std::string(65 << 20, 'b'));
  EXPECT_EQ(
      Call(&v1::CatalogService::Stub::PublishTemplateVersion, *wide, admin_, request, &operation)
          .error_code(),
      grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(ProxyTest, ListsAcrossProjectsTellTheBackendWhich) {
  const std::string token = NewUser("vera", "viewer", "web");
  v1::ListStacksRequest request;
  request.set_parent("projects/-");
  v1::ListStacksResponse response;
  ASSERT_TRUE(Call(&v1::StackService::Stub::ListStacks, *stub_, token, request, &response).ok());
  EXPECT_THAT(stacks_.seen.principal.projects(), ElementsAre("web"));
  EXPECT_FALSE(stacks_.seen.principal.everywhere());
}

TEST_F(ProxyTest, PublicRpcsNeedNoToken) {
  const auto documents = v1::DocumentService::NewStub(gateway_->channel());
  v1::ReadPublicDocumentRequest request;
  request.set_document("x");
  for (const std::string& token : {std::string(), std::string("nonsense")}) {
    google::api::HttpBody body;
    ASSERT_TRUE(
        Call(&v1::DocumentService::Stub::ReadPublicDocument, *documents, token, request, &body)
            .ok());
    EXPECT_EQ(body.data(), "caller:");
  }
}

TEST_F(ProxyTest, CountsCallsByMethodAndCode) {
  EXPECT_TRUE(Get(admin_, "projects/web/stacks/shop").ok());
  EXPECT_FALSE(Get("", "projects/web/stacks/shop").ok());
  std::map<std::string, double> by_code;
  for (const auto& family : gateway_->registry().Collect()) {
    if (family.name != "stackyard_gateway_requests_total") continue;
    for (const auto& metric : family.metric) {
      std::map<std::string, std::string> labels;
      for (const auto& label : metric.label) labels[label.name] = label.value;
      if (labels["method"] == "stackyard.v1.StackService/GetStack") {
        by_code[labels["code"]] = metric.counter.value;
      }
    }
  }
  EXPECT_EQ(by_code, (std::map<std::string, double>{{"OK", 1}, {"UNAUTHENTICATED", 1}}));
}

// Many calls at once, with cancels in between: nothing is lost, crashes or hangs.
TEST_F(ProxyTest, ManyCallsAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 40; ++i) {
        if (t % 2 == 0) {
          v1::UpdateStackRequest request;
          request.mutable_stack()->set_name("projects/web/stacks/shop");
          google::longrunning::Operation operation;
          if (Call(&v1::StackService::Stub::UpdateStack, *stub_, admin_, request, &operation)
                  .ok()) {
            ++good;
          }
        } else {
          v1::WatchStackRequest request;
          request.set_name("projects/web/stacks/shop");
          const auto context = WithToken(admin_);
          const auto reader = stub_->WatchStack(context.get(), request);
          v1::WatchStackResponse response;
          reader->Read(&response);
          if (i % 2 == 0) context->TryCancel();
          while (reader->Read(&response)) {
          }
          reader->Finish();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 160);
}

}  // namespace
}  // namespace stackyard::gateway
