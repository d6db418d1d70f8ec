// Both services over a real channel.
#include <grpcpp/grpcpp.h>

#include "common/channel.h"
#include "common/grpc_status.h"
#include "common/principal.h"
#include "common/server.h"
#include "services/quota/ledger_service.h"
#include "services/quota/quota_service.h"
#include "services/quota/testing.h"

namespace stackyard::quota {
namespace {

class ServiceTest : public QuotaTest {
 protected:
  void SetUp() override {
    QuotaTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    quota_rpc_ = std::make_unique<QuotaRpc>(*limits_, *ledger_, *usage_);
    ledger_rpc_ = std::make_unique<LedgerRpc>(*ledger_, metrics_);
    ServerOptions options;
    options.service = "quota";
    options.listen = "127.0.0.1:0";
    auto server = Server::Start(options, {quota_rpc_.get(), ledger_rpc_.get()});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    const auto channel = Connect(server_->target());
    quota_ = v1::QuotaService::NewStub(channel);
    ledger_stub_ = internal::v1::LedgerService::NewStub(channel);
  }
  void TearDown() override {
    if (server_) server_->Shutdown();
    QuotaTest::TearDown();
  }

  // Calls a method as the gateway would for `caller_`.
  template <typename Response, typename Method, typename Stub, typename Request>
  absl::StatusOr<Response> Call(Stub& stub, Method method, const Request& request,
                                bool through_gateway = true) {
    grpc::ClientContext context;
    Prepare(context, absl::Seconds(20));
    if (through_gateway) context.AddMetadata(kPrincipalKey, caller_.SerializeAsString());
    Response response;
    const grpc::Status status = (stub.*method)(&context, request, &response);
    if (!status.ok()) return FromGrpc(status);
    return response;
  }

  using Public = v1::QuotaService::Stub;
  using Internal = internal::v1::LedgerService::Stub;

  // Value of a counter, 0 when there is none.
  double Counter(const std::string& name, const std::string& method, const std::string& outcome) {
    for (const auto& family : registry_.Collect()) {
      if (family.name != name) continue;
      for (const auto& metric : family.metric) {
        std::map<std::string, std::string> labels;
        for (const auto& label : metric.label) labels[label.name] = label.value;
        if (labels["method"] == method && labels["outcome"] == outcome) {
          return metric.counter.value;
        }
      }
    }
    return 0;
  }

  prometheus::Registry registry_;
  LedgerMetrics metrics_{registry_};
  std::unique_ptr<QuotaRpc> quota_rpc_;
  std::unique_ptr<LedgerRpc> ledger_rpc_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Public> quota_;
  std::unique_ptr<Internal> ledger_stub_;
};

TEST_P(ServiceTest, AReservationLivesThroughTheWire) {
  internal::v1::ReserveRequest reserve;
  *reserve.mutable_reservation() = Wish("a", {{"vcpu", 8}});
  const auto made =
      Call<v1::Reservation>(*ledger_stub_, &Internal::Reserve, reserve, /*through_gateway=*/false);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->state(), v1::Reservation::PENDING);

  internal::v1::CommitRequest commit;
  commit.set_name(made->name());
  AddAmounts({{"vcpu", 7}}, commit.mutable_amounts());
  const auto committed = Call<v1::Reservation>(*ledger_stub_, &Internal::Commit, commit, false);
  ASSERT_TRUE(committed.ok()) << committed.status();

  v1::GetReservationRequest get;
  get.set_name(made->name());
  EXPECT_EQ(Call<v1::Reservation>(*quota_, &Public::GetReservation, get)->SerializeAsString(),
            committed->SerializeAsString());
  const auto held = Call<internal::v1::ListHeldResponse>(*ledger_stub_, &Internal::ListHeld,
                                                         internal::v1::ListHeldRequest(), false);
  EXPECT_EQ(held->reservations_size(), 1);
  v1::ListReservationsRequest list;
  list.set_parent(kProject);
  EXPECT_EQ(Call<v1::ListReservationsResponse>(*quota_, &Public::ListReservations, list)
                ->reservations_size(),
            1);

  internal::v1::ReleaseRequest release;
  release.set_name(made->name());
  const auto released = Call<v1::Reservation>(*ledger_stub_, &Internal::Release, release, false);
  ASSERT_TRUE(released.ok()) << released.status();
  EXPECT_EQ(released->state(), v1::Reservation::RELEASED);
}

TEST_P(ServiceTest, ARefusalCarriesItsDetails) {
  internal::v1::ReserveRequest reserve;
  *reserve.mutable_reservation() = Wish("a", {{"vcpu", 33}});
  const auto refused = Call<v1::Reservation>(*ledger_stub_, &Internal::Reserve, reserve, false);
  EXPECT_EQ(ReasonOf(refused.status()), v1::QUOTA_EXCEEDED);
  google::rpc::QuotaFailure failure;
  ASSERT_TRUE(ReadDetail(refused.status(), failure));
  EXPECT_EQ(failure.violations_size(), 1);
  v1::CheckFitResponse fit;
  ASSERT_TRUE(ReadDetail(refused.status(), fit));
  EXPECT_EQ(fit.shortfalls(0).limit(), 32);
}

TEST_P(ServiceTest, TheLedgerTellsWhetherSomethingWouldFit) {
  v1::CheckFitRequest question;
  question.set_parent(kProject);
  AddAmounts({{"vcpu", 33}}, question.mutable_amounts());
  *question.mutable_end_time() = Wish("a", {}).end_time();
  const auto fit = Call<v1::CheckFitResponse>(*ledger_stub_, &Internal::CheckFit, question, false);
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_FALSE(fit->fits());
  ASSERT_EQ(fit->shortfalls_size(), 1);
  EXPECT_EQ(fit->shortfalls(0).metric(), "vcpu");
}

TEST_P(ServiceTest, CallsOfTheLedgerAreCountedByOutcome) {
  internal::v1::ReserveRequest reserve;
  *reserve.mutable_reservation() = Wish("a", {{"vcpu", 33}});
  EXPECT_FALSE(Call<v1::Reservation>(*ledger_stub_, &Internal::Reserve, reserve, false).ok());
  *reserve.mutable_reservation() = Wish("a", {{"vcpu", 1}});
  EXPECT_TRUE(Call<v1::Reservation>(*ledger_stub_, &Internal::Reserve, reserve, false).ok());
  internal::v1::CommitRequest commit;
  commit.set_name(ReservationOf("a"));
  AddAmounts({{"vcpu", 2}}, commit.mutable_amounts());
  EXPECT_TRUE(Call<v1::Reservation>(*ledger_stub_, &Internal::Commit, commit, false).ok());
  const char kCalls[] = "stackyard_quota_ledger_calls_total";
  EXPECT_EQ(Counter(kCalls, "Reserve", "OK"), 1);
  EXPECT_EQ(Counter(kCalls, "Reserve", "QUOTA_EXCEEDED"), 1);
  EXPECT_EQ(Counter(kCalls, "Commit", "OK"), 1);
  EXPECT_EQ(Counter("stackyard_quota_over_reserved_commits_total", "", ""), 1);
}

TEST_P(ServiceTest, EveryPublicMethodAnswers) {
  v1::CreateMetricRequest metric;
  metric.set_metric_id("gpu");
  EXPECT_TRUE(Call<v1::Metric>(*quota_, &Public::CreateMetric, metric).ok());
  EXPECT_EQ(Call<v1::ListMetricsResponse>(*quota_, &Public::ListMetrics, v1::ListMetricsRequest())
                ->metrics_size(),
            10);

  v1::SetQuotaLimitRequest set;
  set.mutable_quota_limit()->set_name("projects/web/quota/limits/vcpu");
  set.mutable_quota_limit()->set_value(3);
  EXPECT_TRUE(Call<v1::QuotaLimit>(*quota_, &Public::SetQuotaLimit, set).ok());
  v1::GetQuotaLimitRequest get;
  get.set_name("projects/web/quota/limits/vcpu");
  EXPECT_EQ(Call<v1::QuotaLimit>(*quota_, &Public::GetQuotaLimit, get)->value(), 3);
  v1::ListQuotaLimitsRequest limits;
  limits.set_parent(kProject);
  EXPECT_EQ(Call<v1::ListQuotaLimitsResponse>(*quota_, &Public::ListQuotaLimits, limits)
                ->quota_limits_size(),
            1);
  v1::DeleteQuotaLimitRequest remove;
  remove.set_name(get.name());
  EXPECT_TRUE(Call<google::protobuf::Empty>(*quota_, &Public::DeleteQuotaLimit, remove).ok());

  v1::CreateQuotaGrantRequest grant;
  grant.set_parent(kProject);
  grant.set_quota_grant_id("extra");
  grant.mutable_quota_grant()->mutable_amount()->set_metric("gpu");
  grant.mutable_quota_grant()->mutable_amount()->set_value(3);
  *grant.mutable_quota_grant()->mutable_end_time() = ToProto(At(60));
  EXPECT_TRUE(Call<v1::QuotaGrant>(*quota_, &Public::CreateQuotaGrant, grant).ok());
  v1::GetQuotaGrantRequest get_grant;
  get_grant.set_name("projects/web/quota/grants/extra");
  EXPECT_TRUE(Call<v1::QuotaGrant>(*quota_, &Public::GetQuotaGrant, get_grant).ok());
  v1::ListQuotaGrantsRequest grants;
  grants.set_parent(kProject);
  EXPECT_EQ(Call<v1::ListQuotaGrantsResponse>(*quota_, &Public::ListQuotaGrants, grants)
                ->quota_grants_size(),
            1);

  v1::CheckFitRequest fit;
  fit.set_parent(kProject);
  AddAmounts({{"gpu", 3}}, fit.mutable_amounts());
  *fit.mutable_end_time() = ToProto(At(60));
  EXPECT_TRUE(Call<v1::CheckFitResponse>(*quota_, &Public::CheckFit, fit)->fits());
  v1::ListUsageRequest usage;
  usage.set_parent(kProject);
  EXPECT_EQ(Call<v1::ListUsageResponse>(*quota_, &Public::ListUsage, usage)->usage_size(), 10);
  v1::QueryUsageSeriesRequest series;
  series.set_parent(kProject);
  series.set_metric("gpu");
  EXPECT_EQ(
      Call<v1::QueryUsageSeriesResponse>(*quota_, &Public::QueryUsageSeries, series)->points_size(),
      2);
  v1::DeleteQuotaGrantRequest end;
  end.set_name(get_grant.name());
  EXPECT_TRUE(Call<google::protobuf::Empty>(*quota_, &Public::DeleteQuotaGrant, end).ok());
}

TEST_P(ServiceTest, PublicMethodsWantACaller) {
  const auto refused =
      Call<v1::ListMetricsResponse>(*quota_, &Public::ListMetrics, v1::ListMetricsRequest(), false);
  EXPECT_EQ(ReasonOf(refused.status()), v1::INTERNAL_FAULT);
}

INSTANTIATE_TEST_SUITE_P(Engines, ServiceTest, testing::Values(Engine::kSqlite, Engine::kPostgres),
                         EngineName);

}  // namespace
}  // namespace stackyard::quota
