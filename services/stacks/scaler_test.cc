// What KEDA is told of the queue, over a real server in this process and two replicas.
#include "services/stacks/scaler.h"

#include "common/channel.h"
#include "common/grpc_status.h"
#include "common/server.h"
#include "services/stacks/change_tail.h"
#include "services/stacks/peers.h"
#include "services/stacks/scaler_service.h"
#include "services/stacks/state_locks.h"
#include "services/stacks/test_env.h"

namespace stackyard::stacks {
namespace {

using externalscaler::ExternalScaler;
using externalscaler::GetMetricsRequest;
using externalscaler::GetMetricsResponse;
using externalscaler::IsActiveResponse;
using externalscaler::ScaledObjectRef;
using internal::v1::Assignment;
using testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(30);

TEST(TargetRunsPerRunnerTest, IsReadFromTheMetadata) {
  EXPECT_EQ(*TargetRunsPerRunner({}), 2);
  EXPECT_EQ(*TargetRunsPerRunner({{"targetRunsPerRunner", "5"}, {"scalerAddress", "x:1"}}), 5);
  for (const char* wrong : {"", "0", "-1", "1001", "2.5", "two", "2 runs"}) {
    const absl::Status status = TargetRunsPerRunner({{"targetRunsPerRunner", wrong}}).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << wrong << ": " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("targetRunsPerRunner")) << wrong;
  }
  const absl::Status typo = TargetRunsPerRunner({{"targetRunPerRunner", "5"}}).status();
  EXPECT_THAT(std::string(typo.message()), HasSubstr("scalerMetadata.targetRunPerRunner"));
}

class ScalerTest : public StacksTest {
 protected:
  void SetUp() override {
    StacksTest::SetUp();
    if (store_ == nullptr) return;
    rpc_ = std::make_unique<ScalerRpc>(*store_, hub_);
    signals_.on_names = [this](const std::set<std::string>& names) { hub_.Touch(names); };
    ServerOptions options;
    options.listen = "127.0.0.1:0";
    options.peers = Peers();
    server_ = *Server::Start(options, {rpc_.get()}, [this] { hub_.Drain(); });
    stub_ = ExternalScaler::NewStub(Connect(server_->target()));
  }
  void TearDown() override {
    server_.reset();
    StacksTest::TearDown();
  }

  bool Active() {
    grpc::ClientContext context;
    Prepare(context, kPatience);
    IsActiveResponse response;
    const absl::Status status = FromGrpc(stub_->IsActive(&context, ScaledObjectRef(), &response));
    EXPECT_TRUE(status.ok()) << status;
    return response.result();
  }
  absl::StatusOr<GetMetricsResponse> Metrics(const std::string& metric) {
    grpc::ClientContext context;
    Prepare(context, kPatience);
    GetMetricsRequest request;
    request.set_metricname(metric);
    GetMetricsResponse response;
    const absl::Status status = FromGrpc(stub_->GetMetrics(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }
  int64_t Runs() {
    const auto response = Metrics("stackyard_runs");
    EXPECT_TRUE(response.ok()) << response.status();
    if (!response.ok() || response->metricvalues_size() != 1) return -1;
    EXPECT_EQ(response->metricvalues(0).metricname(), "stackyard_runs");
    EXPECT_EQ(response->metricvalues(0).metricvaluefloat(),
              response->metricvalues(0).metricvalue());
    return response->metricvalues(0).metricvalue();
  }
  void Lock(const std::string& uid, bool locked) {
    const absl::Status done = store_->Write(Actor(), [&](Change& change) {
      if (locked) {
        SaveStateLock(change, uid, {});
      } else {
        DropStateLock(change, uid);
      }
      return absl::OkStatus();
    });
    ASSERT_TRUE(done.ok()) << done;
  }

  WatchHub hub_;
  std::unique_ptr<ScalerRpc> rpc_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<ExternalScaler::Stub> stub_;
};

TEST_P(ScalerTest, CountsWhatWaitsAndWhatRuns) {
  EXPECT_EQ(Runs(), 0);
  EXPECT_FALSE(Active());
  for (const char* id : {"aa", "bb", "cc"}) Create(id);
  EXPECT_EQ(Runs(), 3);
  EXPECT_TRUE(Active());
  const auto run = Acquire(Assignment::PLAN);
  EXPECT_EQ(Runs(), 3) << "what runs needs its slot";
  ASSERT_TRUE(Complete(run, RunFailed("no")).ok());
  EXPECT_EQ(Runs(), 2);
}

TEST_P(ScalerTest, WhatWaitsForAPersonWantsNoRunner) {
  Create("shop");
  const std::string uid = GetStack().uid();
  Lock(uid, true);
  EXPECT_EQ(Runs(), 0);
  EXPECT_FALSE(Active());
  Lock(uid, false);
  EXPECT_EQ(Runs(), 1);
  // Nor does a stack that waits for review.
  Plan(PlanOf("sha256:p1", 1, 1));
  ASSERT_EQ(GetStack().state(), v1::Stack::AWAITING_APPROVAL);
  EXPECT_EQ(Runs(), 0);
}

TEST_P(ScalerTest, TellsItsMetricAndItsTarget) {
  grpc::ClientContext context;
  Prepare(context, kPatience);
  ScaledObjectRef request;
  (*request.mutable_scalermetadata())["targetRunsPerRunner"] = "4";
  externalscaler::GetMetricSpecResponse response;
  ASSERT_TRUE(stub_->GetMetricSpec(&context, request, &response).ok());
  ASSERT_EQ(response.metricspecs_size(), 1);
  EXPECT_EQ(response.metricspecs(0).metricname(), "stackyard_runs");
  EXPECT_EQ(response.metricspecs(0).targetsize(), 4);
  EXPECT_EQ(response.metricspecs(0).targetsizefloat(), 4);
}

TEST_P(ScalerTest, WhatIsWrongIsNamedByEveryCall) {
  ScaledObjectRef wrong;
  (*wrong.mutable_scalermetadata())["targetRunsPerRunner"] = "none";
  const auto expect = [](const grpc::Status& status) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_THAT(status.error_message(), HasSubstr("targetRunsPerRunner"));
  };
  grpc::ClientContext contexts[4];
  for (auto& context : contexts) Prepare(context, kPatience);
  IsActiveResponse active;
  expect(stub_->IsActive(&contexts[0], wrong, &active));
  externalscaler::GetMetricSpecResponse spec;
  expect(stub_->GetMetricSpec(&contexts[1], wrong, &spec));
  GetMetricsRequest request;
  *request.mutable_scaledobjectref() = wrong;
  request.set_metricname("stackyard_runs");
  GetMetricsResponse metrics;
  expect(stub_->GetMetrics(&contexts[2], request, &metrics));
  const auto stream = stub_->StreamIsActive(&contexts[3], wrong);
  EXPECT_FALSE(stream->Read(&active));
  expect(stream->Finish());
  EXPECT_TRUE(absl::IsInvalidArgument(Metrics("another").status()));
}

TEST_P(ScalerTest, AStreamTellsChangesAloneAndEndsWithTheDrain) {
  grpc::ClientContext context;
  Prepare(context, kPatience);
  const auto stream = stub_->StreamIsActive(&context, ScaledObjectRef());
  IsActiveResponse response;
  const auto next = [&] { return stream->Read(&response) ? response.result() ? 1 : 0 : -1; };
  EXPECT_EQ(next(), 0);
  // The second and third of them change nothing.
  for (const char* id : {"aa", "bb", "cc"}) Create(id);
  EXPECT_EQ(next(), 1);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(Complete(Acquire(Assignment::PLAN), RunFailed("no")).ok());
  }
  EXPECT_EQ(next(), 0);
  Create("dd");
  EXPECT_EQ(next(), 1);
  Lock(GetStack("dd").uid(), true);
  EXPECT_EQ(next(), 0);
  Lock(GetStack("dd").uid(), false);
  EXPECT_EQ(next(), 1);
  hub_.Drain();
  EXPECT_EQ(next(), -1);
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_P(ScalerTest, AStreamHearsOfWorkThatAnotherReplicaQueued) {
  grpc::ClientContext context;
  Prepare(context, kPatience);
  const auto stream = stub_->StreamIsActive(&context, ScaledObjectRef());
  IsActiveResponse response;
  ASSERT_TRUE(stream->Read(&response));
  ASSERT_FALSE(response.result());
  ChangeTail tail(*store_, {[this](const std::set<std::string>& names) { hub_.Touch(names); },
                            [this] { hub_.TouchAll(); }});
  ASSERT_TRUE(tail.Look().ok());
  Signals signals;
  Store other(*db_, clock_, signals, store_->sealer());
  const absl::Status queued = other.Write(Actor(), [](Change& change) {
    return Enqueue(change, "projects/web/stacks/x/runs/1", "x", Assignment::PLAN);
  });
  ASSERT_TRUE(queued.ok()) << queued;
  ASSERT_TRUE(tail.Look().ok());
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_TRUE(response.result());
  context.TryCancel();
}

STACKS_TEST_ON_BOTH(ScalerTest);

}  // namespace
}  // namespace stackyard::stacks
