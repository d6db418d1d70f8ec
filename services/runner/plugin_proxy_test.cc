#include "services/runner/plugin_proxy.h"

#include <gmock/gmock.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <vector>

#include "absl/synchronization/notification.h"
#include "services/runner/testing/files.h"
#include "services/runner/testing/wire_message.h"

namespace stackyard::runner {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kPrepare[] = "/tfplugin5.Provider/PrepareProviderConfig";
constexpr char kConfigure[] = "/tfplugin5.Provider/Configure";
constexpr char kApply[] = "/tfplugin5.Provider/ApplyResourceChange";

std::string ToString(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return "not valid";
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

grpc::ByteBuffer ToBuffer(std::string_view bytes) {
  const grpc::Slice slice(bytes.data(), bytes.size());
  return grpc::ByteBuffer(&slice, 1);
}

// A provider that sends back each message that it gets, and ends with the client; `Fail` as the
// name of the method makes it fail, `Hold` makes it wait until it is cancelled.
class EchoProvider final : public grpc::CallbackGenericService {
 public:
  explicit EchoProvider(const std::string& socket) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + socket, grpc::InsecureServerCredentials());
    builder.SetMaxReceiveMessageSize(-1);
    builder.RegisterCallbackGenericService(this);
    server_ = builder.BuildAndStart();
  }
  ~EchoProvider() override { Die(); }
  void Die() {
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
  }

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    absl::MutexLock lock(&mutex_);
    methods_.push_back(context->method());
    return new Call(*this, context->method());
  }

  std::vector<std::string> methods() {
    absl::MutexLock lock(&mutex_);
    return methods_;
  }
  void WaitForCalls(size_t count) {
    absl::MutexLock lock(&mutex_);
    const auto there = [&]()
                           ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return methods_.size() >= count; };
    mutex_.Await(absl::Condition(&there));
  }
  void WaitForCancel() {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&cancelled_));
  }

 private:
  class Call final : public grpc::ServerGenericBidiReactor {
   public:
    Call(EchoProvider& provider, std::string method)
        : provider_(provider), method_(std::move(method)) {
      StartRead(&message_);
    }
    void OnReadDone(bool ok) override {
      if (method_.find("/Hold") != std::string::npos) return;
      if (method_.find("/Fail") != std::string::npos) {
        return Finish({grpc::StatusCode::DATA_LOSS, "failed", "details"});
      }
      if (!ok) return Finish(grpc::Status::OK);
      StartWrite(&message_);
    }
    void OnWriteDone(bool ok) override { StartRead(&message_); }
    void OnCancel() override {
      if (method_.find("/Hold") == std::string::npos) return;
      {
        absl::MutexLock lock(&provider_.mutex_);
        provider_.cancelled_ = true;
      }
      Finish(grpc::Status::CANCELLED);
    }
    void OnDone() override { delete this; }

   private:
    EchoProvider& provider_;
    const std::string method_;
    grpc::ByteBuffer message_;
  };

  absl::Mutex mutex_;
  std::vector<std::string> methods_ ABSL_GUARDED_BY(mutex_);
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<grpc::Server> server_;
};

class PluginProxyTest : public testing::Test {
 protected:
  PluginProxyTest() : provider_(folder_.path() + "/provider.sock") { StartProxy(); }

  void StartProxy() {
    PluginProxyOptions options;
    options.socket = folder_.path() + "/proxy.sock";
    options.schema = {"the schema", "the identities"};
    options.memory = &memory_;
    options.memory_scope = "scope";
    auto proxy =
        PluginProxy::Start(ConnectProvider("unix:" + folder_.path() + "/provider.sock"), options);
    ASSERT_TRUE(proxy.ok()) << proxy.status();
    proxy_ = *std::move(proxy);
    stub_ = std::make_unique<grpc::GenericStub>(ConnectProvider("unix:" + options.socket));
  }

  struct Answer {
    grpc::Status status;
    std::string bytes;
  };
  Answer Ask(const std::string& method, const std::string& request = "q",
             grpc::ClientContext* context = nullptr) {
    grpc::ClientContext own;
    if (context == nullptr) context = &own;
    const grpc::ByteBuffer sent = ToBuffer(request);
    grpc::ByteBuffer got;
    Answer answer;
    absl::Notification done;
    stub_->UnaryCall(context, method, grpc::StubOptions(), &sent, &got, [&](grpc::Status status) {
      answer.status = std::move(status);
      done.Notify();
    });
    done.WaitForNotification();
    if (answer.status.ok()) answer.bytes = ToString(got);
    return answer;
  }

  TempFolder folder_;
  EchoProvider provider_;
  PluginMemory memory_;
  std::unique_ptr<PluginProxy> proxy_;
  std::unique_ptr<grpc::GenericStub> stub_;
};

TEST_F(PluginProxyTest, ForwardsCallsOfAnySize) {
  EXPECT_EQ(Ask(kApply, "change").bytes, "change");
  EXPECT_EQ(Ask("/tfplugin5.Provider/Stop", "").bytes, "");
  EXPECT_EQ(Ask("/grpc.health.v1.Health/Check", "plugin").bytes, "plugin");
  const std::string large(40 << 20, 'x');
  EXPECT_TRUE(Ask(kApply, large).bytes == large);
  EXPECT_THAT(provider_.methods(), ElementsAre(kApply, "/tfplugin5.Provider/Stop",
                                               "/grpc.health.v1.Health/Check", kApply));
  EXPECT_TRUE(proxy_->fault().ok());
}

TEST_F(PluginProxyTest, ForwardsFailures) {
  const Answer answer = Ask("/tfplugin5.Provider/Fail");
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::DATA_LOSS);
  EXPECT_EQ(answer.status.error_message(), "failed");
  EXPECT_EQ(answer.status.error_details(), "details");
  EXPECT_TRUE(proxy_->fault().ok()) << "that is the provider's own business";
}

TEST_F(PluginProxyTest, ForwardsStreamsBothWays) {
  class Client final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
   public:
    explicit Client(grpc::GenericStub& stub) {
      stub.PrepareBidiStreamingCall(&context_, "/tfplugin6.Provider/Anything", grpc::StubOptions(),
                                    this);
      sent_ = ToBuffer("0");
      StartWrite(&sent_);
      StartRead(&received_);
      StartCall();
    }
    void OnReadDone(bool ok) override {
      if (!ok) return;
      got.push_back(ToString(received_));
      StartRead(&received_);
      Next();
    }
    void OnWriteDone(bool ok) override {
      if (ok) Next();
    }
    void OnDone(const grpc::Status& status) override {
      ended = status;
      done.Notify();
    }
    std::vector<std::string> got;
    grpc::Status ended;
    absl::Notification done;

   private:
    // After both a write and its echo, which may be there before the write is said to be done: one
    // write at a time.
    void Next() {
      if (halves_.fetch_add(1) % 2 == 0) return;
      if (got.size() < 100) {
        sent_ = ToBuffer(std::to_string(got.size()));
        StartWrite(&sent_);
      } else {
        StartWritesDone();
      }
    }

    grpc::ClientContext context_;
    grpc::ByteBuffer sent_;
    grpc::ByteBuffer received_;
    std::atomic<int> halves_{0};
  } client(*stub_);
  client.done.WaitForNotification();
  EXPECT_TRUE(client.ended.ok()) << client.ended.error_message();
  ASSERT_EQ(client.got.size(), 100U);
  EXPECT_EQ(client.got[0], "0");
  EXPECT_EQ(client.got[99], "99");
}

TEST_F(PluginProxyTest, AnswersSchemasItself) {
  EXPECT_EQ(Ask("/tfplugin5.Provider/GetSchema").bytes, "the schema");
  EXPECT_EQ(Ask("/tfplugin6.Provider/GetProviderSchema").bytes, "the schema");
  EXPECT_EQ(Ask("/tfplugin5.Provider/GetResourceIdentitySchemas").bytes, "the identities");
  EXPECT_THAT(provider_.methods(), IsEmpty());
}

TEST_F(PluginProxyTest, KeepsTerraformFromEndingTheProcess) {
  EXPECT_EQ(Ask("/plugin.GRPCController/Shutdown").status.error_code(), grpc::StatusCode::OK);
  EXPECT_EQ(Ask("/plugin.GRPCStdio/StreamStdio").status.error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(100));
  EXPECT_EQ(Ask("/plugin.GRPCBroker/StartStream", "", &context).status.error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_THAT(provider_.methods(), IsEmpty());
}

TEST_F(PluginProxyTest, RemembersChecksOfOneScope) {
  const std::string good = WireMessage().Bytes(1, "configuration").bytes();
  EXPECT_EQ(Ask(kPrepare, good).bytes, good);
  EXPECT_EQ(Ask(kPrepare, good).bytes, good);
  EXPECT_EQ(provider_.methods().size(), 1U);
  EXPECT_EQ(Ask(kPrepare, good + good).bytes, good + good) << "another question";
  EXPECT_EQ(Ask("/tfplugin6.Provider/ValidateProviderConfig", good).bytes, good)
      << "another method";
  EXPECT_EQ(provider_.methods().size(), 3U);
  EXPECT_FALSE(memory_.Find("another scope", kPrepare, good).has_value());
}

TEST_F(PluginProxyTest, AsksAgainWhatWasRefused) {
  const std::string refused = WireMessage().Message(2, WireMessage().Number(1, 1)).bytes();
  EXPECT_EQ(Ask(kPrepare, refused).bytes, refused);
  EXPECT_EQ(Ask(kPrepare, refused).bytes, refused);
  EXPECT_EQ(provider_.methods().size(), 2U);
}

TEST_F(PluginProxyTest, RefusesASecondConfigurationWithinACommand) {
  EXPECT_EQ(Ask(kConfigure, "here").bytes, "here");
  EXPECT_EQ(Ask(kConfigure, "here").bytes, "here");
  EXPECT_EQ(Ask(kConfigure, "there").status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(provider_.methods().size(), 2U) << "the provider never saw it";
  EXPECT_EQ(proxy_->fault().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(PluginProxyTest, ConfiguresAnewForTheNextCommand) {
  EXPECT_EQ(Ask(kConfigure, "here").bytes, "here");
  proxy_->BeginCommand();
  EXPECT_EQ(Ask(kConfigure, "there").bytes, "there");
  EXPECT_TRUE(proxy_->fault().ok());
}

TEST_F(PluginProxyTest, PassesCancellationsOn) {
  grpc::ClientContext context;
  const grpc::ByteBuffer sent = ToBuffer("q");
  grpc::ByteBuffer got;
  absl::Notification done;
  stub_->UnaryCall(&context, "/tfplugin5.Provider/Hold", grpc::StubOptions(), &sent, &got,
                   [&](grpc::Status) { done.Notify(); });
  provider_.WaitForCalls(1);
  context.TryCancel();
  provider_.WaitForCancel();
  done.WaitForNotification();
}

TEST_F(PluginProxyTest, EndsCallsThatGoOn) {
  grpc::ClientContext context;
  const grpc::ByteBuffer sent = ToBuffer("q");
  grpc::ByteBuffer got;
  absl::Notification done;
  stub_->UnaryCall(&context, "/tfplugin5.Provider/Hold", grpc::StubOptions(), &sent, &got,
                   [&](grpc::Status) { done.Notify(); });
  provider_.WaitForCalls(1);
  proxy_.reset();
  done.WaitForNotification();
  provider_.WaitForCancel();
}

TEST_F(PluginProxyTest, TellsThatTheProviderWasLost) {
  EXPECT_EQ(Ask(kApply, "change").bytes, "change");
  EXPECT_TRUE(proxy_->fault().ok());
  provider_.Die();
  EXPECT_EQ(Ask(kApply, "change").status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(proxy_->fault().code(), absl::StatusCode::kUnavailable);
}

TEST_F(PluginProxyTest, RefusesALongPath) {
  PluginProxyOptions options;
  options.socket = folder_.path() + "/" + std::string(110, 'x');
  EXPECT_FALSE(
      PluginProxy::Start(ConnectProvider("unix:" + folder_.path() + "/provider.sock"), options)
          .ok());
}

TEST(PluginMemoryTest, ForgetsWhatWasNotUsedForLongest) {
  PluginMemory memory(/*max_bytes=*/25);
  memory.Keep("s", "m", "a", std::string(10, 'a'));
  memory.Keep("s", "m", "b", std::string(10, 'b'));
  EXPECT_EQ(memory.Find("s", "m", "a"), std::string(10, 'a'));
  memory.Keep("s", "m", "c", std::string(10, 'c'));
  EXPECT_FALSE(memory.Find("s", "m", "b").has_value());
  EXPECT_TRUE(memory.Find("s", "m", "a").has_value());
  EXPECT_TRUE(memory.Find("s", "m", "c").has_value());
  memory.Keep("s", "m", "d", std::string(30, 'd'));
  EXPECT_FALSE(memory.Find("s", "m", "d").has_value()) << "larger than all of it";
  EXPECT_TRUE(memory.Find("s", "m", "c").has_value());
}

}  // namespace
}  // namespace stackyard::runner
