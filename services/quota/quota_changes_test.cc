// What reviewers approved is carried out once. And how what exists is held on to when its window
// is over.
#include "services/quota/quota_changes.h"

#include <atomic>
#include <limits>

#include "common/work.h"
#include "services/quota/testing.h"

namespace stackyard::quota {
namespace {

using internal::v1::ApplyQuotaChangeRequest;
using testing::HasSubstr;

class QuotaChangesTest : public QuotaTest {
 protected:
  void SetUp() override {
    QuotaTest::SetUp();
    if (store_) changes_ = std::make_unique<QuotaChanges>(*store_, clock_);
  }

  ApplyQuotaChangeRequest More(int number, int64_t amount, const std::string& user = "") const {
    ApplyQuotaChangeRequest request;
    request.set_name("projects/web/changeRequests/" + std::to_string(number));
    request.mutable_amount()->set_metric("vcpu");
    request.mutable_amount()->set_value(amount);
    request.set_user(user);
    return request;
  }
  ApplyQuotaChangeRequest Grant(int number, int64_t amount, int from, int to) const {
    ApplyQuotaChangeRequest request = More(number, amount);
    *request.mutable_start_time() = ToProto(At(from));
    *request.mutable_end_time() = ToProto(At(to));
    request.set_reason("a sale");
    return request;
  }
  int64_t LimitNow() { return UsageOf("vcpu").limit(); }

  std::unique_ptr<QuotaChanges> changes_;
};

INSTANTIATE_TEST_SUITE_P(Engines, QuotaChangesTest,
                         testing::Values(Engine::kSqlite, Engine::kPostgres), EngineName);

TEST_P(QuotaChangesTest, RaisesALimitForGood) {
  const int64_t before = LimitNow();
  const auto applied = changes_->Apply(More(1, 8));
  ASSERT_TRUE(applied.ok()) << applied.status();
  EXPECT_EQ(applied->resource(), "projects/web/quota/limits/vcpu");
  EXPECT_EQ(applied->value(), before + 8) << "on top of the metric's default";
  EXPECT_EQ(LimitNow(), before + 8);
  ASSERT_TRUE(SetLimit("vcpu", 10).ok());
  ASSERT_TRUE(changes_->Apply(More(2, 8)).ok());
  EXPECT_EQ(LimitNow(), 18) << "on top of the project's own limit";
}

TEST_P(QuotaChangesTest, OnceForEver) {
  const auto first = changes_->Apply(More(1, 8));
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_TRUE(SetLimit("vcpu", 5).ok());
  clock_.Advance(absl::Hours(24 * 400));
  // Requests of people sweep what is old.
  v1::SetQuotaLimitRequest set;
  set.mutable_quota_limit()->set_name("projects/web/quota/limits/nodes");
  set.set_request_id("any");
  ASSERT_TRUE(limits_->Set(set, caller_).ok());
  const auto again = changes_->Apply(More(1, 8));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->SerializeAsString(), first->SerializeAsString());
  EXPECT_EQ(LimitNow(), 5) << "applied once";
  EXPECT_EQ(ReasonOf(changes_->Apply(More(1, 9)).status()), v1::REQUEST_ID_REUSED);
}

TEST_P(QuotaChangesTest, EightAtOnceApplyOnce) {
  const int64_t before = LimitNow();
  std::atomic<int> done = 0;
  {
    std::vector<Task> callers;
    for (int i = 0; i < 8; ++i) {
      callers.emplace_back("caller", [&] { done += changes_->Apply(More(1, 8)).ok(); });
    }
  }
  EXPECT_EQ(done, 8);
  EXPECT_EQ(LimitNow(), before + 8);
}

TEST_P(QuotaChangesTest, MakesAGrant) {
  const int64_t before = LimitNow();
  const auto applied = changes_->Apply(Grant(7, 16, -10, 60));
  ASSERT_TRUE(applied.ok()) << applied.status();
  EXPECT_EQ(applied->resource(), "projects/web/quota/grants/change-request-7");
  EXPECT_EQ(LimitNow(), before + 16);
  v1::GetQuotaGrantRequest get;
  get.set_name(applied->resource());
  const auto grant = limits_->GetGrant(get);
  ASSERT_TRUE(grant.ok()) << grant.status();
  EXPECT_EQ(grant->change_request(), "projects/web/changeRequests/7");
  EXPECT_EQ(grant->reason(), "a sale");
  clock_.Advance(absl::Minutes(60));
  EXPECT_EQ(LimitNow(), before);
  EXPECT_TRUE(changes_->Apply(Grant(7, 16, -10, 60)).ok()) << "a replay, though it is over now";
}

TEST_P(QuotaChangesTest, RefusesWhatMakesNoSense) {
  const int64_t before = LimitNow();
  const auto refused = [&](const ApplyQuotaChangeRequest& request, const std::string& field) {
    const absl::Status status = changes_->Apply(request).status();
    EXPECT_EQ(ReasonOf(status), v1::INVALID_FIELD) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(field));
  };
  refused(More(1, 0), "amount.value");
  refused(More(1, -3), "amount.value");
  refused(More(1, std::numeric_limits<int64_t>::max()), "amount.value");
  refused(More(1, 1, "ann"), "has no limit of vcpu");
  refused(Grant(1, 1, 60, 60), "end_time");
  refused(Grant(1, 1, -60, 0), "end_time");
  ApplyQuotaChangeRequest unknown = More(1, -1);
  unknown.mutable_amount()->set_metric("unicorns");
  refused(unknown, "`unicorns` is not a metric");
  refused(unknown, "amount.value");
  ApplyQuotaChangeRequest open = Grant(1, 1, 0, 60);
  open.clear_end_time();
  refused(open, "end_time");
  ApplyQuotaChangeRequest nobody = More(1, 1);
  nobody.set_name("projects/web");
  refused(nobody, "name");
  EXPECT_EQ(LimitNow(), before);
  EXPECT_TRUE(changes_->Apply(More(1, 1)).ok()) << "a refusal is not remembered";
}

TEST_P(QuotaChangesTest, RaisesTheLimitOfAUserWhoHasOne) {
  ASSERT_TRUE(SetLimit("vcpu:-", 4).ok());
  const auto applied = changes_->Apply(More(1, 2, "ann"));
  ASSERT_TRUE(applied.ok()) << applied.status();
  EXPECT_EQ(applied->resource(), "projects/web/quota/limits/vcpu:ann");
  EXPECT_EQ(applied->value(), 6) << "on top of what each user has";
}

TEST_P(QuotaChangesTest, ATrialChangesNothing) {
  const int64_t before = LimitNow();
  ApplyQuotaChangeRequest trial = More(1, 8);
  trial.set_name("projects/web");
  trial.set_validate_only(true);
  EXPECT_TRUE(changes_->Apply(trial).ok());
  EXPECT_EQ(LimitNow(), before);
  trial.mutable_amount()->set_metric("unicorns");
  EXPECT_EQ(ReasonOf(changes_->Apply(trial).status()), v1::INVALID_FIELD);
}

// What stacks builds on when a stack outlives its lease: a reservation of nothing is always
// admitted, and its commit counts what is there, also where others hold all that is left.
TEST_P(QuotaChangesTest, WhatExistsIsHeldOnBeyondItsWindow) {
  ASSERT_TRUE(SetLimit("vcpu", 8).ok());
  ASSERT_TRUE(ledger_->Reserve(Wish("lease", {{"vcpu", 8}}, 0, 60)).ok());
  ASSERT_TRUE(Commit("lease", {{"vcpu", 8}}).ok());
  v1::Reservation next = Wish("next", {{"vcpu", 8}}, 60, 120);
  ASSERT_TRUE(ledger_->Reserve(next).ok()) << "booked from the end of the lease on";
  ASSERT_TRUE(Commit("next", {{"vcpu", 8}}).ok());

  v1::Reservation longer = Wish("longer", {{"vcpu", 8}}, 0, 90);
  longer.set_supersedes(ReservationOf("lease"));
  EXPECT_EQ(ReasonOf(ledger_->Reserve(longer).status()), v1::QUOTA_EXCEEDED);
  longer.clear_amounts();
  ASSERT_TRUE(ledger_->Reserve(longer).ok());
  const auto held = Commit("longer", {{"vcpu", 8}});
  ASSERT_TRUE(held.ok()) << held.status();
  EXPECT_TRUE(held->over_reserved());
  clock_.Advance(absl::Minutes(61));
  EXPECT_EQ(UsageOf("vcpu").committed(), 16) << "both are there";
  EXPECT_TRUE(UsageOf("vcpu").over_committed());
  EXPECT_EQ(Get("lease")->state(), v1::Reservation::RELEASED);
}

}  // namespace
}  // namespace stackyard::quota
