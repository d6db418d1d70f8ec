// Whatever is wrong with a request is told at once, by field, and nothing changes.
#include <limits>

#include "services/quota/testing.h"

namespace stackyard::quota {
namespace {

using testing::UnorderedElementsAre;

constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

class BadInputTest : public QuotaTest {
 protected:
  // The fields that an error names.
  static std::vector<std::string> Fields(const absl::Status& status) {
    EXPECT_EQ(ReasonOf(status), v1::INVALID_FIELD) << status;
    google::rpc::BadRequest faults;
    EXPECT_TRUE(ReadDetail(status, faults));
    std::vector<std::string> fields;
    for (const auto& fault : faults.field_violations()) fields.push_back(fault.field());
    return fields;
  }
  void ExpectNothingHeld() {
    EXPECT_TRUE(ledger_->ListHeld({})->reservations().empty());
    v1::ListReservationsRequest all;
    all.set_parent("projects/-");
    EXPECT_TRUE(ledger_->List(all, caller_)->reservations().empty());
  }
};

TEST_P(BadInputTest, OfAReservation) {
  v1::Reservation wish = Wish("a", {}, 10, 5);
  wish.set_user("-");
  wish.set_holder(std::string("nul\0", 4));
  const auto add = [&](const std::string& metric, int64_t value) {
    AddAmounts({{metric, value}}, wish.mutable_amounts());
  };
  add("vcpu", kLeast);
  add("vcpu", 1);
  add("unicorns", kMost);
  add("", -1);
  wish.set_supersedes(wish.name());
  EXPECT_THAT(
      Fields(ledger_->Reserve(wish).status()),
      UnorderedElementsAre("reservation.amounts[0].value", "reservation.amounts[1].metric",
                           "reservation.amounts[2].metric", "reservation.amounts[3].metric",
                           "reservation.amounts[3].value", "reservation.user", "reservation.holder",
                           "reservation.end_time", "reservation.supersedes"));
  wish = Wish("", {});
  wish.set_holder(std::string(301, 'x'));
  wish.clear_start_time();
  wish.mutable_end_time()->set_seconds(kMost);
  wish.mutable_expire_time()->set_nanos(-1);
  wish.set_supersedes("projects/other/quota/reservations/b");
  EXPECT_THAT(Fields(ledger_->Reserve(wish).status()),
              testing::IsSupersetOf({"reservation.name", "reservation.holder",
                                     "reservation.start_time", "reservation.end_time",
                                     "reservation.expire_time", "reservation.supersedes"}));
  // What is no fault until the clock says so.
  clock_.Advance(absl::Hours(2));
  EXPECT_THAT(Fields(ledger_->Reserve(Wish("late", {{"vcpu", 1}})).status()),
              UnorderedElementsAre("reservation.end_time", "reservation.expire_time"));
  ExpectNothingHeld();
}

TEST_P(BadInputTest, OfACommitAndARelease) {
  internal::v1::CommitRequest commit;
  commit.set_name("projects/web/quota/limits/a");
  AddAmounts({{"unicorns", 1}, {"vcpu", -1}}, commit.mutable_amounts());
  AddAmounts({{"vcpu", 1}}, commit.mutable_amounts());
  EXPECT_THAT(
      Fields(ledger_->Commit(commit).status()),
      UnorderedElementsAre("name", "amounts[0].metric", "amounts[1].value", "amounts[2].metric"));
  internal::v1::ReleaseRequest release;
  release.set_name("projects/web/quota/reservations/-a");
  EXPECT_THAT(Fields(ledger_->Release(release).status()), UnorderedElementsAre("name"));
  internal::v1::ListHeldRequest held;
  held.set_after("x");
  held.set_page_size(-1);
  EXPECT_THAT(Fields(ledger_->ListHeld(held).status()), UnorderedElementsAre("after", "page_size"));
  // A bad one does not touch what is held.
  ASSERT_TRUE(ledger_->Reserve(Wish("a", {{"vcpu", 3}})).ok());
  EXPECT_FALSE(Commit("a", {{"vcpu", kLeast}}).ok());
  EXPECT_EQ(Get("a")->state(), v1::Reservation::PENDING);
  EXPECT_EQ(UsageOf("vcpu").pending(), 3);
}

TEST_P(BadInputTest, OfACheck) {
  v1::CheckFitRequest request;
  request.set_parent("projects/-");
  AddAmounts({{"unicorns", -1}}, request.mutable_amounts());
  request.set_user("No Body");
  *request.mutable_start_time() = ToProto(At(10));
  *request.mutable_end_time() = ToProto(At(10));
  request.set_supersedes("a");
  EXPECT_THAT(Fields(ledger_->CheckFit(request).status()),
              UnorderedElementsAre("parent", "amounts[0].metric", "amounts[0].value", "user",
                                   "end_time", "supersedes"));
  request = {};
  request.set_parent(kProject);
  *request.mutable_start_time() = ToProto(At(-20));
  *request.mutable_end_time() = ToProto(At(-10));
  request.set_supersedes("projects/other/quota/reservations/a");
  EXPECT_THAT(Fields(ledger_->CheckFit(request).status()),
              UnorderedElementsAre("end_time", "supersedes"));
}

TEST_P(BadInputTest, OfAGrant) {
  v1::CreateQuotaGrantRequest request;
  request.set_parent("web");
  request.set_quota_grant_id("X");
  v1::QuotaGrant& grant = *request.mutable_quota_grant();
  grant.mutable_amount()->set_metric("unicorns");
  grant.mutable_amount()->set_value(kLeast);
  grant.set_user("-");
  grant.set_reason(std::string(1001, 'x'));
  grant.set_change_request(std::string("nul\0", 4));
  // In the past, though it ends behind its start.
  *grant.mutable_start_time() = ToProto(At(-20));
  *grant.mutable_end_time() = ToProto(At(-10));
  EXPECT_THAT(
      Fields(limits_->CreateGrant(request, caller_).status()),
      UnorderedElementsAre("parent", "quota_grant_id", "quota_grant.amount.metric",
                           "quota_grant.amount.value", "quota_grant.user", "quota_grant.reason",
                           "quota_grant.change_request", "quota_grant.end_time"));
  request = {};
  request.set_parent(kProject);
  request.mutable_quota_grant()->mutable_amount()->set_metric("vcpu");
  request.mutable_quota_grant()->mutable_amount()->set_value(1);
  *request.mutable_quota_grant()->mutable_start_time() = ToProto(At(20));
  *request.mutable_quota_grant()->mutable_end_time() = ToProto(At(10));
  EXPECT_THAT(Fields(limits_->CreateGrant(request, caller_).status()),
              UnorderedElementsAre("quota_grant.end_time"));
  request.mutable_quota_grant()->clear_end_time();
  EXPECT_THAT(Fields(limits_->CreateGrant(request, caller_).status()),
              UnorderedElementsAre("quota_grant.end_time"));
  request.set_request_id(std::string("a\0", 2));
  EXPECT_THAT(Fields(limits_->CreateGrant(request, caller_).status()),
              UnorderedElementsAre("request_id"));
  v1::ListQuotaGrantsRequest list;
  list.set_parent(kProject);
  EXPECT_TRUE(limits_->ListGrants(list, caller_)->quota_grants().empty());
}

TEST_P(BadInputTest, OfALimitAndAMetric) {
  v1::SetQuotaLimitRequest set;
  set.mutable_quota_limit()->set_name("projects/web/quota/limits/unicorns:Ann");
  set.mutable_quota_limit()->set_value(kLeast);
  EXPECT_THAT(Fields(limits_->Set(set, caller_).status()),
              UnorderedElementsAre("quota_limit.name", "quota_limit.name", "quota_limit.value"));
  v1::CreateMetricRequest create;
  create.set_metric_id("VCPU");
  create.mutable_metric()->set_unit(std::string("x\0", 2));
  create.mutable_metric()->set_display_name(std::string(101, 'x'));
  create.mutable_metric()->set_default_limit(-1);
  EXPECT_THAT(Fields(limits_->CreateMetric(create, caller_).status()),
              UnorderedElementsAre("metric_id", "metric.unit", "metric.display_name",
                                   "metric.default_limit"));
}

TEST_P(BadInputTest, TheGreatestNumbersAreCountedExactly) {
  ASSERT_TRUE(SetLimit("vcpu", kMost).ok());
  ASSERT_TRUE(AddGrant("vcpu", kMost, 0, 60).ok());
  ASSERT_TRUE(ledger_->Reserve(Wish("a", {{"vcpu", kMost}})).ok());
  ASSERT_TRUE(ledger_->Reserve(Wish("b", {{"vcpu", kMost - 1}})).ok());
  const auto refused = ledger_->Reserve(Wish("c", {{"vcpu", 2}}));
  ASSERT_EQ(ReasonOf(refused.status()), v1::QUOTA_EXCEEDED);
  v1::CheckFitResponse fit;
  ASSERT_TRUE(ReadDetail(refused.status(), fit));
  EXPECT_EQ(fit.shortfalls(0).used(), kMost) << "the greatest that can be shown";
  EXPECT_TRUE(ledger_->Reserve(Wish("d", {{"vcpu", 1}})).ok());
  EXPECT_EQ(ReasonOf(ledger_->Reserve(Wish("e", {{"vcpu", 1}})).status()), v1::QUOTA_EXCEEDED);
}

INSTANTIATE_TEST_SUITE_P(Engines, BadInputTest, testing::Values(Engine::kSqlite, Engine::kPostgres),
                         EngineName);

}  // namespace
}  // namespace stackyard::quota
