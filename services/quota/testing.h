// What the tests of the quota service share.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "common/clock.h"
#include "common/id.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "services/quota/ledger.h"
#include "services/quota/limits.h"
#include "services/quota/usage.h"
#include "tests/support/postgres.h"

namespace stackyard::quota {

enum class Engine { kSqlite, kPostgres };

inline std::string EngineName(const testing::TestParamInfo<Engine>& info) {
  return info.param == Engine::kSqlite ? "Sqlite" : "Postgres";
}

inline constexpr char kProject[] = "projects/web";

inline std::string ReservationOf(const std::string& id) {
  return "projects/web/quota/reservations/" + id;
}

inline void AddAmounts(const std::map<std::string, int64_t>& amounts,
                       google::protobuf::RepeatedPtrField<v1::Amount>* target) {
  for (const auto& [metric, value] : amounts) {
    v1::Amount* amount = target->Add();
    amount->set_metric(metric);
    amount->set_value(value);
  }
}

inline std::map<std::string, int64_t> AmountsOf(const v1::Reservation& reservation) {
  std::map<std::string, int64_t> amounts;
  for (const v1::Amount& amount : reservation.amounts()) amounts[amount.metric()] = amount.value();
  return amounts;
}

// A service on a fresh database of either engine, with a clock that stands still.
class QuotaTest : public testing::TestWithParam<Engine> {
 protected:
  void SetUp() override {
    if (GetParam() == Engine::kSqlite) {
      std::filesystem::create_directories(folder_);
      url_ = "sqlite:" + (folder_ / "quota.db").string();
    } else {
      const absl::StatusOr<std::string> url = NewPostgresDatabase();
      if (absl::IsNotFound(url.status())) GTEST_SKIP() << url.status();
      ASSERT_TRUE(url.ok()) << url.status();
      url_ = *url;
    }
    absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(url_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    ledger_ = std::make_unique<Ledger>(*store_, clock_);
    limits_ = std::make_unique<Limits>(*store_, clock_);
    usage_ = std::make_unique<UsageReport>(*store_, clock_);
  }

  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  absl::Time At(int minutes) const { return start_ + absl::Minutes(minutes); }

  // A request for minutes [from, to) after the start of the test, to be committed within an hour.
  v1::Reservation Wish(const std::string& id, const std::map<std::string, int64_t>& amounts,
                       int from = 0, int to = 60) const {
    v1::Reservation wish;
    wish.set_name(ReservationOf(id));
    AddAmounts(amounts, wish.mutable_amounts());
    wish.set_holder("projects/web/stacks/shop");
    *wish.mutable_start_time() = ToProto(At(from));
    *wish.mutable_end_time() = ToProto(At(to));
    *wish.mutable_expire_time() = ToProto(At(60));
    return wish;
  }

  absl::StatusOr<v1::Reservation> Commit(const std::string& id,
                                         const std::map<std::string, int64_t>& amounts) {
    internal::v1::CommitRequest request;
    request.set_name(ReservationOf(id));
    AddAmounts(amounts, request.mutable_amounts());
    return ledger_->Commit(request);
  }

  absl::StatusOr<v1::Reservation> Release(const std::string& id) {
    internal::v1::ReleaseRequest request;
    request.set_name(ReservationOf(id));
    return ledger_->Release(request);
  }

  absl::StatusOr<v1::Reservation> Get(const std::string& id) {
    v1::GetReservationRequest request;
    request.set_name(ReservationOf(id));
    return ledger_->Get(request);
  }

  // `id` is the last part of the limit's name.
  absl::StatusOr<v1::QuotaLimit> SetLimit(const std::string& id, int64_t value) {
    v1::SetQuotaLimitRequest request;
    request.mutable_quota_limit()->set_name("projects/web/quota/limits/" + id);
    request.mutable_quota_limit()->set_value(value);
    return limits_->Set(request, caller_);
  }

  absl::StatusOr<v1::QuotaGrant> AddGrant(const std::string& metric, int64_t value, int from,
                                          int to, const std::string& user = "") {
    v1::CreateQuotaGrantRequest request;
    request.set_parent(kProject);
    v1::QuotaGrant& grant = *request.mutable_quota_grant();
    grant.mutable_amount()->set_metric(metric);
    grant.mutable_amount()->set_value(value);
    grant.set_user(user);
    *grant.mutable_start_time() = ToProto(At(from));
    *grant.mutable_end_time() = ToProto(At(to));
    return limits_->CreateGrant(request, caller_);
  }

  // The project's line for a metric, or a user's.
  v1::Usage UsageOf(const std::string& metric, const std::string& user = "") {
    v1::ListUsageRequest request;
    request.set_parent(kProject);
    request.set_by_user(true);
    const absl::StatusOr<v1::ListUsageResponse> answer = usage_->List(request);
    EXPECT_TRUE(answer.ok()) << answer.status();
    if (!answer.ok()) return {};
    for (const v1::Usage& usage : answer->usage()) {
      if (usage.metric() == metric && usage.user() == user) return usage;
    }
    return {};
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("stackyard-quota-" + RandomId());
  std::string url_;
  FakeClock clock_;
  const absl::Time start_ = clock_.TimeNow();
  Principal caller_ = [] {
    Principal caller;
    caller.set_user("users/ann");
    caller.set_everywhere(true);
    return caller;
  }();
  std::unique_ptr<Store> store_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<Limits> limits_;
  std::unique_ptr<UsageReport> usage_;
};

}  // namespace stackyard::quota
