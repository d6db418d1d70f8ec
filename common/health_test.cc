#include "common/health.h"

#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <atomic>

#include "common/channel.h"
#include "common/grpc_status.h"
#include "common/poll_until.h"
#include "common/server.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "stackyard/v1/projects.grpc.pb.h"

namespace stackyard {
namespace {

using grpc::health::v1::HealthCheckResponse;
using testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(30);

// `SERVING`, `NOT_SERVING`, or the code of the error.
std::string Ask(const std::string& target, const std::string& name) {
  auto stub = grpc::health::v1::Health::NewStub(Connect(target));
  grpc::ClientContext context;
  Prepare(context, kPatience);
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(name);
  HealthCheckResponse response;
  const absl::Status status = FromGrpc(stub->Check(&context, request, &response));
  if (!status.ok()) return absl::StatusCodeToString(status.code());
  return HealthCheckResponse::ServingStatus_Name(response.status());
}

TEST(HealthTest, BothAddressesTellTheSame) {
  const auto health = *Health::Open("127.0.0.1:0");
  ServerOptions options;
  options.listen = "127.0.0.1:0";
  options.health = health.get();
  const auto server = *Server::Start(options, {});
  const auto expect = [&](const char* readiness) {
    for (const std::string& target : {health->target(), server->target()}) {
      EXPECT_EQ(Ask(target, kLiveness), "SERVING");
      EXPECT_EQ(Ask(target, kReadiness), readiness);
      EXPECT_EQ(Ask(target, ""), readiness);
      EXPECT_EQ(Ask(target, "stackyard.v1.ProjectService"), "NOT_FOUND");
    }
  };
  expect("NOT_SERVING");
  health->SetReady(true);
  expect("SERVING");
  health->SetReady(false);
  expect("NOT_SERVING");
  health->SetReady(true);
  health->Drain();
  expect("NOT_SERVING");
  // What goes on beside a drain does not take it back.
  health->SetReady(true);
  expect("NOT_SERVING");
}

TEST(HealthTest, ItIsToldWhileTheServerIsNotThereYetAndWhenItIsGone) {
  const auto health = *Health::Open("127.0.0.1:0");
  EXPECT_EQ(Ask(health->target(), kLiveness), "SERVING");
  EXPECT_EQ(Ask(health->target(), kReadiness), "NOT_SERVING");
  ServerOptions options;
  options.listen = "127.0.0.1:0";
  options.health = health.get();
  auto server = *Server::Start(options, {});
  health->SetReady(true);
  server.reset();
  EXPECT_EQ(Ask(health->target(), kLiveness), "SERVING");
  EXPECT_EQ(Ask(health->target(), kReadiness), "NOT_SERVING");
}

TEST(HealthTest, NothingElseAnswersOnItsAddress) {
  const auto health = *Health::Open("127.0.0.1:0");
  // Whose reflection and services are of the same process.
  ServerOptions options;
  options.listen = "127.0.0.1:0";
  options.health = health.get();
  v1::ProjectService::Service projects;
  const auto server = *Server::Start(options, {&projects});
  const auto reflect = [](const std::string& target) {
    grpc::GenericStub stub(Connect(target));
    grpc::ClientContext context;
    Prepare(context, kPatience);
    // `list_services: "*"`.
    const grpc::Slice text("\x3a\x01*", 3);
    const grpc::ByteBuffer request(&text, 1);
    grpc::ByteBuffer response;
    Notifier done;
    grpc::Status status;
    stub.UnaryCall(&context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", {},
                   &request, &response, [&](const grpc::Status& answer) {
                     status = answer;
                     done.Notify();
                   });
    done.Wait(0, absl::InfiniteDuration());
    return FromGrpc(status);
  };
  EXPECT_TRUE(reflect(server->target()).ok());
  EXPECT_TRUE(absl::IsUnimplemented(reflect(health->target())));
  auto stub = v1::ProjectService::NewStub(Connect(health->target()));
  grpc::ClientContext context;
  Prepare(context, kPatience);
  v1::Project project;
  EXPECT_EQ(stub->GetProject(&context, {}, &project).error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

TEST(HealthTest, AWatchHearsOfEachChange) {
  const auto health = *Health::Open("127.0.0.1:0");
  auto stub = grpc::health::v1::Health::NewStub(Connect(health->target()));
  grpc::ClientContext context;
  Prepare(context, kPatience);
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(kReadiness);
  const auto stream = stub->Watch(&context, request);
  HealthCheckResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  health->SetReady(true);
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
}

TEST(HealthTest, ATakenAddressIsOneClearError) {
  const auto first = *Health::Open("127.0.0.1:0");
  const absl::Status status = Health::Open(first->target()).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("--health-listen=127.0.0.1:"));
}

class ReadyWhileTest : public testing::Test {
 protected:
  void Start(absl::Status first) {
    answer_ = first.ok();
    ready_ = std::make_unique<ReadyWhile>(
        *health_,
        [this] {
          ++looks_;
          return answer_ ? absl::OkStatus() : absl::UnavailableError("no database");
        },
        absl::Milliseconds(1));
  }
  bool Becomes(bool ready) {
    return PollUntil([&] { return health_->ready() == ready; }, kPatience);
  }

  std::unique_ptr<Health> health_ = *Health::Open("");
  std::atomic<bool> answer_ = false;
  std::atomic<int> looks_ = 0;
  std::unique_ptr<ReadyWhile> ready_;
};

TEST_F(ReadyWhileTest, NothingIsReadyBeforeTheFirstSuccess) {
  Start(absl::UnavailableError("no database"));
  ASSERT_TRUE(PollUntil([&] { return looks_ > 20; }, kPatience));
  EXPECT_FALSE(health_->ready());
  answer_ = true;
  EXPECT_TRUE(Becomes(true));
}

TEST_F(ReadyWhileTest, FailuresInARowTakeItBackUntilTheNextSuccess) {
  Start(absl::OkStatus());
  ASSERT_TRUE(Becomes(true));
  answer_ = false;
  EXPECT_TRUE(Becomes(false));
  answer_ = true;
  EXPECT_TRUE(Becomes(true));
}

TEST(ReadyWhile, AHiccupOrASlowAnswerTakesNothingBack) {
  const auto health = *Health::Open("");
  std::atomic<int> looks = 0;
  Notifier leave;
  // Four of five fail; the hundredth takes its time.
  const ReadyWhile ready(
      *health,
      [&] {
        const int look = looks++;
        if (look == 100) leave.Wait(0, kPatience);
        return look % 5 == 0 ? absl::OkStatus() : absl::UnavailableError("a hiccup");
      },
      absl::ZeroDuration());
  ASSERT_TRUE(PollUntil(
      [&] {
        EXPECT_TRUE(looks == 0 || looks == 1 || health->ready());
        return looks > 100;
      },
      kPatience));
  EXPECT_TRUE(health->ready());
  leave.Notify();
}

}  // namespace
}  // namespace stackyard
