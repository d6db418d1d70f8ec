#include "common/trace_calls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/channel.h"
#include "common/handler.h"
#include "common/server.h"
#include "common/span.h"
#include "common/work.h"
#include "stackyard/v1/projects.grpc.pb.h"

namespace stackyard {
namespace {

using ::testing::SizeIs;

constexpr char kRecorded[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
constexpr char kNotRecorded[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

// One method by a thread, one by a callback, which ends on another thread.
using Base = v1::ProjectService::WithCallbackMethod_ListProjects<v1::ProjectService::Service>;
class Projects final : public Base {
 public:
  grpc::Status GetProject(grpc::ServerContext* context, const v1::GetProjectRequest* request,
                          v1::Project* response) override {
    const RequestScope scope = TraceOf(*context);
    seen = RequestScope::Traceparent();
    const ThreadSpan work("work");
    if (request->name() == "none") return grpc::Status(grpc::StatusCode::NOT_FOUND, "none");
    return grpc::Status::OK;
  }
  grpc::ServerUnaryReactor* ListProjects(grpc::CallbackServerContext* context,
                                         const v1::ListProjectsRequest*,
                                         v1::ListProjectsResponse*) override {
    seen = MetadataOf(*context, kTraceparentKey);
    auto* reactor = context->DefaultReactor();
    const Task other("other", [&] { reactor->Finish(grpc::Status::OK); });
    return reactor;
  }
  std::string seen;
};

class TraceCallsTest : public testing::Test {
 protected:
  TraceCallsTest() {
    ProcessSpans().Open(1, 512, nullptr);
    ServerOptions options;
    options.service = "test";
    options.listen = "127.0.0.1:0";
    server_ = *Server::Start(options, {&projects_});
    stub_ = v1::ProjectService::NewStub(Connect(server_->target()));
  }
  ~TraceCallsTest() override {
    server_->Shutdown();
    ProcessSpans().Close();
    ProcessSpans().Take(10'000);
  }

  grpc::Status Get(const std::string& traceparent, const std::string& name) {
    const RequestScope scope("", traceparent);
    grpc::ClientContext context;
    Prepare(context, absl::Seconds(10));
    v1::GetProjectRequest request;
    request.set_name(name);
    v1::Project response;
    return stub_->GetProject(&context, request, &response);
  }

  // By their names; the server's end may come after the client's.
  std::map<std::string, SpanRecord> Ended(size_t count) {
    server_->Shutdown();
    std::map<std::string, SpanRecord> spans;
    for (SpanRecord& span : ProcessSpans().Take(100)) {
      spans[span.name + (span.kind == SpanKind::kServer ? " server" : "")] = std::move(span);
    }
    EXPECT_THAT(spans, SizeIs(count));
    return spans;
  }

  Projects projects_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<v1::ProjectService::Stub> stub_;
};

constexpr char kGet[] = "stackyard.v1.ProjectService/GetProject";
constexpr char kList[] = "stackyard.v1.ProjectService/ListProjects";

TEST_F(TraceCallsTest, ACallIsAChainOfSpans) {
  ASSERT_TRUE(Get(kRecorded, "p").ok());
  auto spans = Ended(3);
  const SpanRecord& client = spans[kGet];
  const SpanRecord& server = spans[std::string(kGet) + " server"];
  EXPECT_EQ(client.kind, SpanKind::kClient);
  EXPECT_EQ(client.parent, TraceContext::Parse(kRecorded)->span_id);
  EXPECT_EQ(server.parent, client.context.span_id);
  EXPECT_TRUE(server.parent_is_remote);
  EXPECT_EQ(spans["work"].parent, server.context.span_id);
  EXPECT_EQ(projects_.seen, server.context.Format());
  EXPECT_FALSE(client.failed);
}

TEST_F(TraceCallsTest, AFailureIsTheClients) {
  EXPECT_EQ(Get(kRecorded, "none").error_code(), grpc::StatusCode::NOT_FOUND);
  auto spans = Ended(3);
  EXPECT_TRUE(spans[kGet].failed);
  EXPECT_EQ(spans[kGet].message, "NOT_FOUND");
  EXPECT_FALSE(spans[std::string(kGet) + " server"].failed);
}

TEST_F(TraceCallsTest, ATraceThatIsNotRecordedIsPassedOn) {
  ASSERT_TRUE(Get(kNotRecorded, "p").ok());
  EXPECT_EQ(projects_.seen, kNotRecorded);
  ASSERT_TRUE(Get("", "p").ok());
  EXPECT_EQ(projects_.seen, "");
  Ended(0);
}

TEST_F(TraceCallsTest, CallbacksHaveSpansToo) {
  {
    const RequestScope scope("", kRecorded);
    grpc::ClientContext context;
    Prepare(context, absl::Seconds(10));
    v1::ListProjectsResponse response;
    ASSERT_TRUE(stub_->ListProjects(&context, {}, &response).ok());
  }
  auto spans = Ended(2);
  const SpanRecord& server = spans[std::string(kList) + " server"];
  EXPECT_EQ(server.parent, spans[kList].context.span_id);
  EXPECT_EQ(projects_.seen, server.context.Format());
}

TEST_F(TraceCallsTest, ACallToNobodyEnds) {
  server_->Shutdown();
  const RequestScope scope("", kRecorded);
  {
    grpc::ClientContext context;
    Prepare(context, absl::Milliseconds(100));
    v1::Project response;
    EXPECT_FALSE(stub_->GetProject(&context, {}, &response).ok());
  }
  auto spans = Ended(1);
  EXPECT_TRUE(spans[kGet].failed);
}

}  // namespace
}  // namespace stackyard
