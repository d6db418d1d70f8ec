// Metrics, limits and grants, on both engines.
#include "services/quota/limits.h"

#include "services/quota/testing.h"

namespace stackyard::quota {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class LimitsTest : public QuotaTest {
 protected:
  v1::CreateQuotaGrantRequest GrantRequest(const std::string& id) const {
    v1::CreateQuotaGrantRequest request;
    request.set_parent(kProject);
    request.set_quota_grant_id(id);
    v1::QuotaGrant& grant = *request.mutable_quota_grant();
    grant.mutable_amount()->set_metric("vcpu");
    grant.mutable_amount()->set_value(4);
    grant.set_reason("load test");
    grant.set_change_request("projects/web/changeRequests/c1");
    *grant.mutable_end_time() = ToProto(At(60));
    return request;
  }
};

TEST_P(LimitsTest, BeginsWithTheMetricsThatTemplatesUse) {
  const auto answer = limits_->ListMetrics({});
  ASSERT_TRUE(answer.ok()) << answer.status();
  std::map<std::string, int64_t> defaults;
  for (const v1::Metric& metric : answer->metrics()) {
    defaults[metric.name() + " " + metric.unit()] = metric.default_limit();
  }
  EXPECT_EQ(defaults, (std::map<std::string, int64_t>{{"metrics/buckets bucket", 20},
                                                      {"metrics/clusters cluster", 1},
                                                      {"metrics/instances instance", 10},
                                                      {"metrics/nodes node", 5},
                                                      {"metrics/objects object", 100},
                                                      {"metrics/resources resource", 1000},
                                                      {"metrics/stacks stack", 20},
                                                      {"metrics/vcpu vCPU", 32},
                                                      {"metrics/volume_gib GiB", 500}}));
}

TEST_P(LimitsTest, ANewMetricCountsAtOnce) {
  v1::CreateMetricRequest request;
  request.set_metric_id("gpu");
  request.mutable_metric()->set_unit("GPU");
  request.mutable_metric()->set_default_limit(2);
  const auto metric = limits_->CreateMetric(request, caller_);
  ASSERT_TRUE(metric.ok()) << metric.status();
  EXPECT_EQ(metric->name(), "metrics/gpu");
  EXPECT_TRUE(ledger_->Reserve(Wish("a", {{"gpu", 2}})).ok());
  EXPECT_EQ(ReasonOf(ledger_->Reserve(Wish("b", {{"gpu", 1}})).status()), v1::QUOTA_EXCEEDED);
  EXPECT_EQ(ReasonOf(limits_->CreateMetric(request, caller_).status()), v1::RESOURCE_EXISTS);

  request.set_metric_id("2many");
  request.mutable_metric()->set_default_limit(-1);
  const auto refused = limits_->CreateMetric(request, caller_);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("metric_id"));
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("default_limit"));
}

TEST_P(LimitsTest, MetricsComeInPages) {
  v1::ListMetricsRequest request;
  request.set_page_size(4);
  std::vector<int> sizes;
  std::set<std::string> names;
  do {
    const auto page = limits_->ListMetrics(request);
    ASSERT_TRUE(page.ok()) << page.status();
    sizes.push_back(page->metrics_size());
    for (const auto& metric : page->metrics()) names.insert(metric.name());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(sizes, ElementsAre(4, 4, 1));
  EXPECT_EQ(names.size(), 9);
  request.set_page_token("made-up");
  request.set_filter("unit = GiB");
  request.set_order_by("unit");
  const auto refused = limits_->ListMetrics(request);
  google::rpc::BadRequest faults;
  ASSERT_TRUE(ReadDetail(refused.status(), faults));
  EXPECT_EQ(faults.field_violations_size(), 3);
}

TEST_P(LimitsTest, ALimitIsSetReadChangedAndDeleted) {
  const auto set = SetLimit("vcpu", 4);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->metric(), "vcpu");
  EXPECT_EQ(set->user(), "");
  v1::GetQuotaLimitRequest get;
  get.set_name(set->name());
  EXPECT_EQ(limits_->Get(get)->SerializeAsString(), set->SerializeAsString());
  EXPECT_EQ(UsageOf("vcpu").limit(), 4);
  clock_.Advance(absl::Seconds(1));
  const auto changed = SetLimit("vcpu", 0);
  EXPECT_NE(changed->etag(), set->etag());
  EXPECT_EQ(UsageOf("vcpu").limit(), 0);

  v1::DeleteQuotaLimitRequest remove;
  remove.set_name(set->name());
  remove.set_etag(set->etag());
  EXPECT_EQ(ReasonOf(limits_->Delete(remove, caller_).status()), v1::ETAG_MISMATCH);
  remove.set_etag(changed->etag());
  EXPECT_TRUE(limits_->Delete(remove, caller_).ok());
  EXPECT_EQ(UsageOf("vcpu").limit(), 32);
  EXPECT_EQ(ReasonOf(limits_->Get(get).status()), v1::RESOURCE_NOT_FOUND);
  EXPECT_EQ(ReasonOf(limits_->Delete(remove, caller_).status()), v1::RESOURCE_NOT_FOUND);
}

TEST_P(LimitsTest, AnOldEtagChangesNothing) {
  const auto set = SetLimit("vcpu", 4);
  ASSERT_TRUE(set.ok());
  v1::SetQuotaLimitRequest request;
  *request.mutable_quota_limit() = *set;
  request.mutable_quota_limit()->set_value(5);
  EXPECT_TRUE(limits_->Set(request, caller_).ok());
  request.mutable_quota_limit()->set_value(6);
  EXPECT_EQ(ReasonOf(limits_->Set(request, caller_).status()), v1::ETAG_MISMATCH);
  EXPECT_EQ(UsageOf("vcpu").limit(), 5);
  request.mutable_quota_limit()->set_name("projects/web/quota/limits/nodes");
  EXPECT_EQ(ReasonOf(limits_->Set(request, caller_).status()), v1::ETAG_MISMATCH);
}

TEST_P(LimitsTest, ALimitOfAUserSaysWhose) {
  EXPECT_EQ(SetLimit("vcpu:ann@example.org", 4)->user(), "ann@example.org");
  EXPECT_EQ(SetLimit("vcpu:-", 2)->user(), "-");
  for (const char* id : {"unicorns", "vcpu:", "vcpu:No Body", "VCPU", "vcpu:a:b"}) {
    EXPECT_EQ(ReasonOf(SetLimit(id, 1).status()), v1::INVALID_FIELD) << id;
  }
  EXPECT_EQ(ReasonOf(SetLimit("vcpu", -1).status()), v1::INVALID_FIELD);
}

TEST_P(LimitsTest, LimitsAreListedByNameAcrossProjects) {
  for (const char* id : {"vcpu", "nodes", "vcpu:ann"}) ASSERT_TRUE(SetLimit(id, 1).ok());
  v1::SetQuotaLimitRequest other;
  other.mutable_quota_limit()->set_name("projects/data/quota/limits/vcpu");
  ASSERT_TRUE(limits_->Set(other, caller_).ok());
  v1::ListQuotaLimitsRequest request;
  request.set_parent("projects/-");
  request.set_page_size(3);
  std::vector<std::string> names;
  do {
    const auto page = limits_->List(request, caller_);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const auto& limit : page->quota_limits()) names.push_back(limit.name());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(names,
              ElementsAre("projects/data/quota/limits/vcpu", "projects/web/quota/limits/nodes",
                          "projects/web/quota/limits/vcpu", "projects/web/quota/limits/vcpu:ann"));
}

TEST_P(LimitsTest, AGrantCountsFromItsStartUntilItsEnd) {
  ASSERT_TRUE(AddGrant("vcpu", 8, 10, 20).ok());
  EXPECT_EQ(UsageOf("vcpu").limit(), 32);
  clock_.Advance(absl::Minutes(10));
  EXPECT_EQ(UsageOf("vcpu").limit(), 40);
  clock_.Advance(absl::Minutes(10));
  EXPECT_EQ(UsageOf("vcpu").limit(), 32);
}

TEST_P(LimitsTest, AGrantIsReadListedAndEnded) {
  const auto made = limits_->CreateGrant(GrantRequest("extra"), caller_);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(FromProto(made->start_time()), At(0)) << "absent means now";
  v1::GetQuotaGrantRequest get;
  get.set_name("projects/web/quota/grants/extra");
  const auto read = limits_->GetGrant(get);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->SerializeAsString(), made->SerializeAsString());
  EXPECT_EQ(read->reason(), "load test");
  EXPECT_EQ(read->change_request(), "projects/web/changeRequests/c1");
  EXPECT_EQ(ReasonOf(limits_->CreateGrant(GrantRequest("extra"), caller_).status()),
            v1::RESOURCE_EXISTS);
  clock_.Advance(absl::Minutes(1));
  ASSERT_TRUE(limits_->CreateGrant(GrantRequest(""), caller_).ok());
  v1::ListQuotaGrantsRequest list;
  list.set_parent(kProject);
  const auto grants = limits_->ListGrants(list, caller_);
  ASSERT_TRUE(grants.ok()) << grants.status();
  ASSERT_EQ(grants->quota_grants_size(), 2);
  EXPECT_EQ(grants->quota_grants(1).name(), made->name()) << "newest first";

  ASSERT_TRUE(ledger_->Reserve(Wish("a", {{"vcpu", 40}})).ok());
  v1::DeleteQuotaGrantRequest remove;
  remove.set_name(made->name());
  remove.set_etag("old");
  EXPECT_EQ(ReasonOf(limits_->DeleteGrant(remove, caller_).status()), v1::ETAG_MISMATCH);
  remove.set_etag(made->etag());
  ASSERT_TRUE(limits_->DeleteGrant(remove, caller_).ok());
  EXPECT_EQ(ReasonOf(limits_->GetGrant(get).status()), v1::RESOURCE_NOT_FOUND);
  const v1::Usage usage = UsageOf("vcpu");
  EXPECT_EQ(usage.limit(), 36);
  EXPECT_EQ(usage.pending(), 40) << "what is held stays";
  EXPECT_TRUE(usage.over_committed());
}

TEST_P(LimitsTest, ValidateOnlyMakesNoGrant) {
  v1::CreateQuotaGrantRequest request = GrantRequest("extra");
  request.set_validate_only(true);
  EXPECT_TRUE(limits_->CreateGrant(request, caller_).ok());
  EXPECT_EQ(UsageOf("vcpu").limit(), 32);
  request.mutable_quota_grant()->mutable_amount()->set_value(0);
  request.mutable_quota_grant()->mutable_amount()->set_metric("unicorns");
  request.mutable_quota_grant()->set_user("No Body");
  request.set_quota_grant_id("X");
  *request.mutable_quota_grant()->mutable_end_time() = ToProto(At(0));
  const auto refused = limits_->CreateGrant(request, caller_);
  google::rpc::BadRequest faults;
  ASSERT_TRUE(ReadDetail(refused.status(), faults));
  EXPECT_EQ(faults.field_violations_size(), 5) << refused.status();
}

TEST_P(LimitsTest, ARequestIdGetsItsFirstAnswerForADay) {
  v1::CreateQuotaGrantRequest request = GrantRequest("");
  request.set_request_id("r1");
  const auto first = limits_->CreateGrant(request, caller_);
  ASSERT_TRUE(first.ok()) << first.status();
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(limits_->CreateGrant(request, caller_)->SerializeAsString(),
            first->SerializeAsString());
  v1::CreateQuotaGrantRequest other = GrantRequest("other");
  other.set_request_id("r1");
  EXPECT_EQ(ReasonOf(limits_->CreateGrant(other, caller_).status()), v1::REQUEST_ID_REUSED);
  v1::DeleteQuotaGrantRequest remove;
  remove.set_name(first->name());
  remove.set_request_id("r1");
  EXPECT_EQ(ReasonOf(limits_->DeleteGrant(remove, caller_).status()), v1::REQUEST_ID_REUSED);
  Principal bob;
  bob.set_user("users/bob");
  EXPECT_TRUE(limits_->CreateGrant(other, bob).ok()) << "each caller has their own";

  remove.set_request_id("r2");
  EXPECT_TRUE(limits_->DeleteGrant(remove, caller_).ok());
  EXPECT_TRUE(limits_->DeleteGrant(remove, caller_).ok()) << "the replay is no NOT_FOUND";
  clock_.Advance(absl::Hours(24));
  EXPECT_EQ(ReasonOf(limits_->DeleteGrant(remove, caller_).status()), v1::RESOURCE_NOT_FOUND);
}

TEST_P(LimitsTest, AFailureIsNotRemembered) {
  v1::CreateQuotaGrantRequest request = GrantRequest("extra");
  request.set_request_id("r1");
  request.mutable_quota_grant()->mutable_amount()->set_value(0);
  EXPECT_FALSE(limits_->CreateGrant(request, caller_).ok());
  request.mutable_quota_grant()->mutable_amount()->set_value(1);
  EXPECT_TRUE(limits_->CreateGrant(request, caller_).ok());
}

INSTANTIATE_TEST_SUITE_P(Engines, LimitsTest, testing::Values(Engine::kSqlite, Engine::kPostgres),
                         EngineName);

}  // namespace
}  // namespace stackyard::quota
