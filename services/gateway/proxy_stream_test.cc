// Streams of messages from the client, which no RPC of the API has yet: a service of the test's.
#include <gmock/gmock.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <thread>

#include "common/grpc_status.h"
#include "common/status.h"
#include "google/protobuf/text_format.h"
#include "services/gateway/front.h"
#include "services/gateway/identity_schema.h"
#include "services/gateway/test_gateway.h"
#include "stackyard/v1/annotations.pb.h"
#include "stackyard/v1/stacks.pb.h"

namespace stackyard::gateway {
namespace {

using ::testing::HasSubstr;
using Message = v1::UpdateStackRequest;

grpc::ByteBuffer ToBuffer(const Message& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

Message FromBuffer(const grpc::ByteBuffer& buffer) {
  grpc::Slice slice;
  EXPECT_TRUE(buffer.DumpToSingleSlice(&slice).ok());
  Message message;
  EXPECT_TRUE(message.ParseFromArray(slice.begin(), static_cast<int>(slice.size())));
  return message;
}

// `Both` sends each message back; `Up` sends the last one back when all have come. A message with
// the request_id `stop` ends the call at once.
class EchoCall final : public grpc::ServerGenericBidiReactor {
 public:
  EchoCall(bool both, std::atomic<int>& ended) : both_(both), ended_(ended) { StartRead(&next_); }
  void OnReadDone(bool ok) override {
    if (!ok) {
      if (both_) return Finish(grpc::Status::OK);
      return StartWriteAndFinish(&last_, grpc::WriteOptions(), grpc::Status::OK);
    }
    last_ = next_;
    if (FromBuffer(last_).request_id() == "stop") {
      return Finish(ToGrpc(Error(v1::WRONG_STATE, "stopped")));
    }
    if (both_) return StartWrite(&last_);
    StartRead(&next_);
  }
  void OnWriteDone(bool ok) override {
    if (ok) return StartRead(&next_);
    Finish(grpc::Status::CANCELLED);
  }
  void OnDone() override {
    ++ended_;
    delete this;
  }

 private:
  const bool both_;
  std::atomic<int>& ended_;
  grpc::ByteBuffer next_, last_;
};

class Echo final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    return new EchoCall(context->method() == "/test.Pipe/Both", ended);
  }
  std::atomic<int> ended{0};
};

// A call whose steps the test takes one by one.
class ClientCall {
 public:
  ClientCall(grpc::GenericStub& stub, const std::string& method) {
    Prepare(context_, absl::Seconds(20));
    call_ = stub.PrepareCall(&context_, method, &queue_);
    call_->StartCall(this);
    Step();
  }
  ~ClientCall() {
    queue_.Shutdown();
    while (Step()) {
    }
  }
  bool Send(const std::string& name, const std::string& request_id) {
    Message message;
    message.mutable_stack()->set_name(name);
    message.set_request_id(request_id);
    call_->Write(ToBuffer(message), this);
    return Step();
  }
  void End() {
    call_->WritesDone(this);
    Step();
  }
  // The request_id of the next message; empty at the end.
  std::string Receive() {
    grpc::ByteBuffer buffer;
    call_->Read(&buffer, this);
    return Step() ? FromBuffer(buffer).request_id() : "";
  }
  grpc::Status Finish() {
    grpc::Status status;
    call_->Finish(&status, this);
    Step();
    return status;
  }
  void Cancel() { context_.TryCancel(); }

 private:
  bool Step() {
    void* tag = nullptr;
    bool ok = false;
    return queue_.Next(&tag, &ok) && ok;
  }

  grpc::CompletionQueue queue_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
};

class ProxyStreamTest : public ::testing::Test {
 protected:
  ProxyStreamTest() {
    ServerOptions options;
    options.listen = "127.0.0.1:0";
    options.drain = absl::Seconds(1);
    backend_ = *Server::Start(options, {}, nullptr, &echo_);
    routes_ = ReadRoutes();
    database_ = *Database::Open("sqlite::memory:", GatewayMigrations());
    denials_ = std::make_unique<DenialLog>(*database_, registry_);
    callers_ = std::make_unique<CallerCache>(*database_, clock_);
    limits_ = *CallLimits::Make(unlimited_, clock_, registry_);
    guard_ = std::make_unique<Guard>(*callers_, *limits_, *denials_, clock_);
    metrics_ = std::make_unique<CallMetrics>(routes_, registry_);
    front_ = *Front::Start(options, FrontOptions(), MutualTls(),
                           {routes_, *guard_, *metrics_, registry_},
                           {{"stacks", *BackendTarget::Parse(backend_->target())}});
    stub_ = std::make_unique<grpc::GenericStub>(Connect(front_->target()));
  }

  RouteTable ReadRoutes() {
    google::protobuf::FileDescriptorProto file;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
        R"pb(
          name: "pipe.proto"
          package: "test"
          syntax: "proto3"
          dependency: "stackyard/v1/stacks.proto"
          service {
            name: "Pipe"
            method {
              name: "Up"
              client_streaming: true
              input_type: ".stackyard.v1.UpdateStackRequest"
              output_type: ".stackyard.v1.UpdateStackRequest"
            }
            method {
              name: "Both"
              client_streaming: true
              server_streaming: true
              input_type: ".stackyard.v1.UpdateStackRequest"
              output_type: ".stackyard.v1.UpdateStackRequest"
            }
          }
        )pb",
        &file));
    auto* service = file.mutable_service(0);
    service->mutable_options()->SetExtension(v1::backend, "stacks");
    for (auto& method : *service->mutable_method()) {
      auto* access = method.mutable_options()->MutableExtension(v1::access);
      access->set_audience(v1::Access::PUBLIC);
      access->set_resource("stack.name");
    }
    // Linked in, so that the file below finds it.
    Message::descriptor();
    return *RouteTable::Build({pool_.BuildFile(file)->service(0)});
  }

  Echo echo_;
  std::unique_ptr<Server> backend_;
  google::protobuf::DescriptorPool pool_{google::protobuf::DescriptorPool::generated_pool()};
  RouteTable routes_;
  prometheus::Registry registry_;
  SystemClock clock_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<DenialLog> denials_;
  std::unique_ptr<CallerCache> callers_;
  LimitOptions unlimited_{.user_rate = 0, .address_rate = 0};
  std::unique_ptr<CallLimits> limits_;
  std::unique_ptr<Guard> guard_;
  std::unique_ptr<CallMetrics> metrics_;
  std::unique_ptr<Front> front_;
  std::unique_ptr<grpc::GenericStub> stub_;
};

TEST_F(ProxyStreamTest, MessagesGoUp) {
  ClientCall call(*stub_, "/test.Pipe/Up");
  for (const char* id : {"a", "b", "c"}) ASSERT_TRUE(call.Send("projects/web/stacks/shop", id));
  call.End();
  EXPECT_EQ(call.Receive(), "c");
  EXPECT_TRUE(call.Finish().ok());
}

TEST_F(ProxyStreamTest, MessagesGoBothWays) {
  ClientCall call(*stub_, "/test.Pipe/Both");
  for (int i = 0; i < 200; ++i) {
    // Only the first message need name the resource.
    ASSERT_TRUE(call.Send(i == 0 ? "projects/web/stacks/shop" : "", std::to_string(i)));
    ASSERT_EQ(call.Receive(), std::to_string(i));
  }
  call.End();
  EXPECT_EQ(call.Receive(), "");
  EXPECT_TRUE(call.Finish().ok());
}

TEST_F(ProxyStreamTest, LaterMessagesMayNotNameAnotherResource) {
  ClientCall call(*stub_, "/test.Pipe/Both");
  ASSERT_TRUE(call.Send("projects/web/stacks/shop", "a"));
  ASSERT_EQ(call.Receive(), "a");
  call.Send("projects/api/stacks/shop", "b");
  EXPECT_EQ(call.Receive(), "");
  const grpc::Status status = call.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("stack.name"));
}

// The client never ends its side; the answer must come all the same.
TEST_F(ProxyStreamTest, TheBackendMayEndFirst) {
  for (const char* method : {"/test.Pipe/Up", "/test.Pipe/Both"}) {
    ClientCall call(*stub_, method);
    ASSERT_TRUE(call.Send("projects/web/stacks/shop", "stop"));
    EXPECT_EQ(call.Receive(), "");
    EXPECT_EQ(ReasonOf(FromGrpc(call.Finish())), v1::WRONG_STATE) << method;
  }
}

// The client sends no end, so that only the cancel can have ended the backend's call.
TEST_F(ProxyStreamTest, CancelGoesThrough) {
  ClientCall call(*stub_, "/test.Pipe/Both");
  ASSERT_TRUE(call.Send("projects/web/stacks/shop", "a"));
  ASSERT_EQ(call.Receive(), "a");
  call.Cancel();
  EXPECT_EQ(call.Finish().error_code(), grpc::StatusCode::CANCELLED);
  const absl::Time start = absl::Now();
  while (echo_.ended == 0 && absl::Now() - start < absl::Seconds(20)) {
    std::this_thread::yield();
  }
  EXPECT_EQ(echo_.ended, 1);
}

TEST_F(ProxyStreamTest, ACallWithoutMessagesIsRefused) {
  ClientCall call(*stub_, "/test.Pipe/Up");
  call.End();
  EXPECT_EQ(ReasonOf(FromGrpc(call.Finish())), v1::INVALID_FIELD);
}

TEST_F(ProxyStreamTest, DrainEndsThem) {
  ClientCall call(*stub_, "/test.Pipe/Both");
  ASSERT_TRUE(call.Send("projects/web/stacks/shop", "a"));
  ASSERT_EQ(call.Receive(), "a");
  front_->Shutdown();
  EXPECT_EQ(call.Receive(), "");
  EXPECT_EQ(ReasonOf(FromGrpc(call.Finish())), v1::DEPENDENCY_UNAVAILABLE);
}

}  // namespace
}  // namespace stackyard::gateway
