// Rate limits through a gateway, on a clock that stands still.
#include "services/gateway/call_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/grpc_status.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "services/gateway/test_gateway.h"

namespace stackyard::gateway {
namespace {

using ::testing::ElementsAre;
using Stub = v1::IdentityService::Stub;

class CallLimitsTest : public ::testing::Test {
 protected:
  void Start(const std::function<void(LimitOptions&)>& change) {
    GatewayOptions options;
    options.database = "sqlite:" + (folder_ / "gateway.db");
    options.admin_token_file = folder_ / "token";
    options.limits.user_rate = options.limits.address_rate = 0;
    change(options.limits);
    gateway_ = std::make_unique<TestGateway>(options, clock_);
    stub_ = v1::IdentityService::NewStub(gateway_->channel());
  }

  // WhoAmI as if a proxy had passed it on.
  absl::Status Ask(const std::string& token, const std::string& forwarded_for = "") {
    const auto context = WithToken(token);
    if (!forwarded_for.empty()) context->AddMetadata("x-forwarded-for", forwarded_for);
    v1::WhoAmIResponse response;
    return FromGrpc(stub_->WhoAmI(context.get(), v1::WhoAmIRequest(), &response));
  }
  absl::Status AskAsAdmin(const std::string& forwarded_for = "") {
    return Ask(gateway_->admin_token(), forwarded_for);
  }

  // Reasons and peers of the denials, newest first.
  std::vector<std::string> Denials() {
    v1::ListDenialsResponse response;
    const auto status = Call(&Stub::ListDenials, *stub_, gateway_->admin_token(),
                             v1::ListDenialsRequest(), &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::vector<std::string> denials;
    for (const v1::Denial& one : response.denials()) {
      denials.push_back(absl::StrCat(one.user(), " ", one.reason(), " ", one.peer()));
    }
    return denials;
  }

  TestFolder folder_;
  FakeClock clock_;
  std::unique_ptr<TestGateway> gateway_;
  std::unique_ptr<Stub> stub_;
};

TEST_F(CallLimitsTest, AUserWhoCallsTooOftenHearsWhenToComeBack) {
  Start([](LimitOptions& limits) {
    limits.user_rate = 2;
    limits.user_burst = 4;
  });
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(AskAsAdmin().ok());
  const absl::Status refused = AskAsAdmin();
  EXPECT_EQ(ReasonOf(refused), v1::RATE_LIMITED);
  EXPECT_TRUE(absl::IsResourceExhausted(refused));
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(ReadDetail(refused, retry));
  EXPECT_EQ(FromProto(retry.retry_delay()), absl::Milliseconds(500));
  // Wherever they call from.
  EXPECT_EQ(ReasonOf(AskAsAdmin("192.0.2.1")), v1::RATE_LIMITED);
  clock_.Advance(absl::Milliseconds(500));
  EXPECT_TRUE(AskAsAdmin().ok());
  EXPECT_EQ(ReasonOf(AskAsAdmin()), v1::RATE_LIMITED);
  clock_.Advance(absl::Seconds(1));
  EXPECT_THAT(Denials(), ElementsAre("users/admin RATE_LIMITED 127.0.0.1"))
      << "one row for all in a row";
}

TEST_F(CallLimitsTest, AnAddressThatCallsTooOftenIsRefusedUnheard) {
  Start([](LimitOptions& limits) {
    limits.address_rate = 1;
    limits.address_burst = 3;
  });
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(AskAsAdmin("192.0.2.1").ok());
  EXPECT_EQ(ReasonOf(AskAsAdmin("192.0.2.1")), v1::RATE_LIMITED);
  EXPECT_EQ(ReasonOf(AskAsAdmin("203.0.113.9, 192.0.2.1")), v1::RATE_LIMITED)
      << "what a client claims does not help it";
  EXPECT_TRUE(AskAsAdmin("192.0.2.2").ok());
  EXPECT_TRUE(AskAsAdmin().ok());
  EXPECT_THAT(Denials(), ElementsAre(" RATE_LIMITED 192.0.2.1"));
}

TEST_F(CallLimitsTest, OnlyTrustedProxiesSpeakForOthers) {
  Start([](LimitOptions& limits) {
    limits.address_rate = 1;
    limits.address_burst = 2;
    limits.trusted_proxies = {"10.0.0.0/8"};
  });
  EXPECT_TRUE(AskAsAdmin("192.0.2.1").ok());
  EXPECT_TRUE(AskAsAdmin("192.0.2.2").ok());
  EXPECT_EQ(ReasonOf(AskAsAdmin("192.0.2.3")), v1::RATE_LIMITED);
}

TEST_F(CallLimitsTest, GuessingIsSlow) {
  Start([](LimitOptions& limits) {
    limits.address_rate = 1;
    limits.address_burst = 30;
  });
  // Each costs ten.
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ReasonOf(Ask("nonsense", "192.0.2.1")), v1::TOKEN_INVALID);
  }
  EXPECT_EQ(ReasonOf(Ask("nonsense", "192.0.2.1")), v1::RATE_LIMITED);
  EXPECT_EQ(ReasonOf(AskAsAdmin("192.0.2.1")), v1::RATE_LIMITED);
  // Who sends no token guesses nothing.
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(ReasonOf(Ask("", "192.0.2.2")), v1::TOKEN_INVALID);
  }
  EXPECT_EQ(ReasonOf(Ask("", "192.0.2.2")), v1::RATE_LIMITED);
}

TEST_F(CallLimitsTest, WhatIsOpenToEverybodyIsCountedToo) {
  Start([](LimitOptions& limits) {
    limits.address_rate = 1;
    limits.address_burst = 2;
  });
  const auto ask = [&] {
    v1::ListIdentityProvidersResponse response;
    return FromGrpc(Call(&Stub::ListIdentityProviders, *stub_, "",
                         v1::ListIdentityProvidersRequest(), &response));
  };
  EXPECT_TRUE(ask().ok());
  EXPECT_TRUE(ask().ok());
  EXPECT_EQ(ReasonOf(ask()), v1::RATE_LIMITED);
}

TEST(CallLimitsOptionsTest, NameTheFlagThatIsWrong) {
  const SystemClock clock;
  const auto fault = [&](const std::function<void(LimitOptions&)>& change) {
    prometheus::Registry registry;
    LimitOptions options;
    change(options);
    return std::string(CallLimits::Make(options, clock, registry).status().message());
  };
  EXPECT_EQ(fault([](LimitOptions&) {}), "");
  EXPECT_EQ(fault([](LimitOptions& o) { o.user_rate = -1; }), "--user-rate must be 0 or more");
  EXPECT_EQ(fault([](LimitOptions& o) { o.address_burst = 0; }),
            "--address-burst must be 1 or more");
  EXPECT_EQ(fault([](LimitOptions& o) { o.trusted_proxies = {"x"}; }).substr(0, 21),
            "--trusted-proxies: `x");
}

}  // namespace
}  // namespace stackyard::gateway
