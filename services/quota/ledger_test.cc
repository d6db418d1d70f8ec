// What the ledger promises, on both engines.
#include "services/quota/ledger.h"

#include <limits>

#include "services/quota/testing.h"

namespace stackyard::quota {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

class LedgerTest : public QuotaTest {
 protected:
  absl::StatusOr<v1::Reservation> Reserve(const std::string& id,
                                          const std::map<std::string, int64_t>& amounts,
                                          int from = 0, int to = 60) {
    return ledger_->Reserve(Wish(id, amounts, from, to));
  }
  absl::StatusOr<v1::Reservation> Replace(const std::string& id, const std::string& old,
                                          const std::map<std::string, int64_t>& amounts,
                                          int from = 0, int to = 60) {
    v1::Reservation wish = Wish(id, amounts, from, to);
    wish.set_supersedes(ReservationOf(old));
    return ledger_->Reserve(wish);
  }
  static ErrorReason ReasonFor(const absl::StatusOr<v1::Reservation>& result) {
    return ReasonOf(result.status());
  }
};

TEST_P(LedgerTest, HoldsWhatWasAskedForAndSaysSo) {
  const auto made = Reserve("a", {{"vcpu", 8}, {"stacks", 1}, {"nodes", 0}});
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->state(), v1::Reservation::PENDING);
  EXPECT_THAT(AmountsOf(*made), UnorderedElementsAre(Pair("vcpu", 8), Pair("stacks", 1)));
  EXPECT_EQ(FromProto(made->create_time()), At(0));
  const auto read = Get("a");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->SerializeAsString(), made->SerializeAsString());
  EXPECT_EQ(UsageOf("vcpu").pending(), 8);
  EXPECT_EQ(UsageOf("vcpu").committed(), 0);
}

TEST_P(LedgerTest, RefusesAllWhenOneMetricIsShortAndNamesEach) {
  ASSERT_TRUE(Reserve("first", {{"vcpu", 30}, {"buckets", 19}}, 0, 30).ok());
  const auto refused = Reserve("a", {{"vcpu", 8}, {"buckets", 2}, {"instances", 1}});
  ASSERT_EQ(ReasonFor(refused), v1::QUOTA_EXCEEDED);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
  google::rpc::QuotaFailure failure;
  ASSERT_TRUE(ReadDetail(refused.status(), failure));
  ASSERT_EQ(failure.violations_size(), 2);
  EXPECT_EQ(failure.violations(0).subject(), "projects/web/quota/limits/buckets");
  EXPECT_EQ(failure.violations(1).description(),
            "vcpu: 8 asked, 30 of 32 used at 2027-01-15T08:00:00Z; would fit from "
            "2027-01-15T08:30:00Z");
  v1::CheckFitResponse fit;
  ASSERT_TRUE(ReadDetail(refused.status(), fit));
  ASSERT_EQ(fit.shortfalls_size(), 2);
  EXPECT_EQ(fit.shortfalls(1).used(), 30);
  EXPECT_EQ(fit.shortfalls(1).limit(), 32);
  EXPECT_EQ(FromProto(fit.shortfalls(1).fits_from()), At(30));
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(ReadDetail(refused.status(), info));
  EXPECT_EQ(info.metadata().at("metric"), "buckets");
  EXPECT_EQ(info.metadata().at("limit"), "20");

  EXPECT_EQ(ReasonFor(Get("a")), v1::RESOURCE_NOT_FOUND);
  EXPECT_EQ(UsageOf("instances").pending(), 0) << "nothing is held of what would have fitted";
}

TEST_P(LedgerTest, WindowsThatOnlyTouchDoNotShare) {
  ASSERT_TRUE(Reserve("a", {{"clusters", 1}}, 0, 30).ok());
  EXPECT_EQ(ReasonFor(Reserve("b", {{"clusters", 1}}, 29, 60)), v1::QUOTA_EXCEEDED);
  EXPECT_TRUE(Reserve("c", {{"clusters", 1}}, 30, 60).ok());
}

TEST_P(LedgerTest, ALeaseThatOutlivesAGrantIsRefusedNow) {
  ASSERT_TRUE(AddGrant("clusters", 2, 10, 50).ok());
  EXPECT_TRUE(Reserve("a", {{"clusters", 3}}, 10, 50).ok());
  const auto refused = Reserve("b", {{"clusters", 2}}, 45, 55);
  ASSERT_EQ(ReasonFor(refused), v1::QUOTA_EXCEEDED);
  v1::CheckFitResponse fit;
  ASSERT_TRUE(ReadDetail(refused.status(), fit));
  EXPECT_FALSE(fit.shortfalls(0).has_fits_from());
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("never"));
}

TEST_P(LedgerTest, AUsersLimitHoldsBesidesTheProjects) {
  ASSERT_TRUE(SetLimit("vcpu:-", 10).ok());
  ASSERT_TRUE(SetLimit("vcpu:ann", 20).ok());
  v1::Reservation wish = Wish("bobs", {{"vcpu", 11}});
  wish.set_user("bob");
  const auto refused = ledger_->Reserve(wish);
  ASSERT_EQ(ReasonFor(refused), v1::QUOTA_EXCEEDED);
  google::rpc::QuotaFailure failure;
  ASSERT_TRUE(ReadDetail(refused.status(), failure));
  EXPECT_EQ(failure.violations(0).subject(), "projects/web/quota/limits/vcpu:bob");
  EXPECT_THAT(failure.violations(0).description(), HasSubstr("vcpu of bob: 11 asked, 0 of 10"));
  wish = Wish("anns", {{"vcpu", 20}});
  wish.set_user("ann");
  EXPECT_TRUE(ledger_->Reserve(wish).ok());
  EXPECT_TRUE(Reserve("nobodys", {{"vcpu", 12}}).ok());
  wish = Wish("bobs-second", {{"vcpu", 1}});
  wish.set_user("bob");
  EXPECT_EQ(ReasonFor(ledger_->Reserve(wish)), v1::QUOTA_EXCEEDED) << "the project is full";
}

TEST_P(LedgerTest, ProjectsDoNotShare) {
  ASSERT_TRUE(Reserve("a", {{"clusters", 1}}).ok());
  v1::Reservation other = Wish("a", {{"clusters", 1}});
  other.set_name("projects/data/quota/reservations/a");
  EXPECT_TRUE(ledger_->Reserve(other).ok());
}

TEST_P(LedgerTest, AReplayGetsTheFirstAnswerWhateverHappenedSince) {
  const auto first = Reserve("a", {{"vcpu", 32}});
  ASSERT_TRUE(first.ok());
  clock_.Advance(absl::Minutes(1));
  ASSERT_TRUE(Commit("a", {{"vcpu", 40}, {"nodes", 1}}).ok());
  ASSERT_TRUE(Release("a").ok());
  clock_.Advance(absl::Hours(5));
  const auto again = Reserve("a", {{"vcpu", 32}});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->SerializeAsString(), first->SerializeAsString());
  EXPECT_EQ(ReasonFor(Reserve("a", {{"vcpu", 31}})), v1::REQUEST_ID_REUSED);
  EXPECT_EQ(ReasonFor(Reserve("a", {{"vcpu", 32}}, 0, 61)), v1::REQUEST_ID_REUSED);
}

TEST_P(LedgerTest, ARefusalIsNotRemembered) {
  ASSERT_TRUE(Reserve("a", {{"clusters", 1}}).ok());
  ASSERT_EQ(ReasonFor(Reserve("b", {{"clusters", 1}})), v1::QUOTA_EXCEEDED);
  ASSERT_TRUE(Release("a").ok());
  EXPECT_TRUE(Reserve("b", {{"clusters", 1}}).ok());
}

TEST_P(LedgerTest, NamesEveryFaultOfARequestAtOnce) {
  v1::Reservation wish = Wish("a", {{"vcpu", -1}, {"unicorns", 1}}, 10, 10);
  wish.set_name("projects/web/reservations/a");
  AddAmounts({{"vcpu", 1}}, wish.mutable_amounts());
  wish.set_user("No Such User");
  wish.clear_expire_time();
  wish.set_supersedes("elsewhere");
  const auto refused = ledger_->Reserve(wish);
  ASSERT_EQ(ReasonFor(refused), v1::INVALID_FIELD);
  google::rpc::BadRequest faults;
  ASSERT_TRUE(ReadDetail(refused.status(), faults));
  std::vector<std::string> fields;
  for (const auto& fault : faults.field_violations()) fields.push_back(fault.field());
  EXPECT_THAT(fields, testing::IsSupersetOf({"reservation.name", "reservation.amounts[0].metric",
                                             "reservation.amounts[1].value",
                                             "reservation.amounts[2].metric", "reservation.user",
                                             "reservation.expire_time", "reservation.end_time",
                                             "reservation.supersedes"}));
}

TEST_P(LedgerTest, RefusesWhatIsOverAlready) {
  clock_.Advance(absl::Minutes(60));
  const auto refused = Reserve("a", {{"vcpu", 1}}, 0, 60);
  ASSERT_EQ(ReasonFor(refused), v1::INVALID_FIELD);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("end_time"));
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("expire_time"));
}

TEST_P(LedgerTest, ThePastIsNotLookedAt) {
  ASSERT_TRUE(Reserve("a", {{"clusters", 1}}, 0, 10).ok());
  clock_.Advance(absl::Minutes(10));
  EXPECT_TRUE(Reserve("b", {{"clusters", 1}}, 0, 30).ok());
}

TEST_P(LedgerTest, SumsDoNotOverflow) {
  ASSERT_TRUE(SetLimit("vcpu", kMost).ok());
  ASSERT_TRUE(Reserve("a", {{"vcpu", kMost}}, 0, 30).ok());
  EXPECT_EQ(ReasonFor(Reserve("b", {{"vcpu", kMost}}, 0, 60)), v1::QUOTA_EXCEEDED);
  EXPECT_EQ(ReasonFor(Reserve("c", {{"vcpu", 1}})), v1::QUOTA_EXCEEDED);
  EXPECT_TRUE(Reserve("d", {{"vcpu", kMost}}, 30, 60).ok());
  ASSERT_TRUE(Reserve("e", {}).ok());
  ASSERT_TRUE(Commit("e", {{"vcpu", kMost}}).ok());
  EXPECT_EQ(UsageOf("vcpu").committed(), kMost);
  EXPECT_TRUE(UsageOf("vcpu").over_committed());
}

TEST_P(LedgerTest, APendingReservationEndsOnTheDotWithoutASweep) {
  ASSERT_TRUE(Reserve("a", {{"clusters", 1}}, 0, 300).ok());
  clock_.Advance(absl::Minutes(60) - absl::Microseconds(1));
  v1::Reservation wish = Wish("b", {{"clusters", 1}}, 0, 300);
  *wish.mutable_expire_time() = ToProto(At(120));
  EXPECT_EQ(ReasonFor(ledger_->Reserve(wish)), v1::QUOTA_EXCEEDED);
  clock_.Advance(absl::Microseconds(1));
  const auto expired = Get("a");
  EXPECT_EQ(expired->state(), v1::Reservation::RELEASED);
  EXPECT_EQ(UsageOf("clusters").pending(), 0);
  EXPECT_TRUE(ledger_->Reserve(wish).ok());

  const auto marked = ledger_->MarkExpired();
  ASSERT_TRUE(marked.ok()) << marked.status();
  EXPECT_EQ(*marked, 1);
  EXPECT_EQ(Get("a")->SerializeAsString(), expired->SerializeAsString())
      << "a sweep changes nothing that shows";
}

TEST_P(LedgerTest, CommitSetsWhatIsReallyUsed) {
  ASSERT_TRUE(Reserve("a", {{"vcpu", 8}, {"buckets", 2}}).ok());
  clock_.Advance(absl::Minutes(1));
  const auto committed = Commit("a", {{"vcpu", 6}});
  ASSERT_TRUE(committed.ok()) << committed.status();
  EXPECT_EQ(committed->state(), v1::Reservation::COMMITTED);
  EXPECT_FALSE(committed->over_reserved());
  EXPECT_THAT(AmountsOf(*committed), UnorderedElementsAre(Pair("vcpu", 6)));
  EXPECT_EQ(FromProto(committed->update_time()), At(1));
  EXPECT_EQ(UsageOf("vcpu").committed(), 6);
  EXPECT_EQ(UsageOf("buckets").committed(), 0);
  clock_.Advance(absl::Minutes(100));
  EXPECT_EQ(Get("a")->state(), v1::Reservation::COMMITTED) << "only what is pending expires";
  EXPECT_EQ(Commit("a", {{"vcpu", 6}})->SerializeAsString(), committed->SerializeAsString());
}

TEST_P(LedgerTest, MoreThanReservedIsAdmittedAndFlagged) {
  ASSERT_TRUE(Reserve("a", {{"vcpu", 32}}).ok());
  const auto committed = Commit("a", {{"vcpu", 40}});
  ASSERT_TRUE(committed.ok()) << committed.status();
  EXPECT_TRUE(committed->over_reserved());
  EXPECT_TRUE(Get("a")->over_reserved());
  EXPECT_TRUE(UsageOf("vcpu").over_committed());
  EXPECT_EQ(ReasonFor(Reserve("b", {{"vcpu", 1}})), v1::QUOTA_EXCEEDED);
  EXPECT_FALSE(Commit("a", {{"vcpu", 32}})->over_reserved());
  EXPECT_FALSE(UsageOf("vcpu").over_committed());
}

TEST_P(LedgerTest, WhatACommitGaveUpIsNoLongerVouchedFor) {
  ASSERT_TRUE(Reserve("a", {{"vcpu", 32}}).ok());
  ASSERT_FALSE(Commit("a", {{"vcpu", 2}})->over_reserved());
  ASSERT_TRUE(Reserve("b", {{"vcpu", 30}}).ok());
  EXPECT_TRUE(Commit("a", {{"vcpu", 3}})->over_reserved());
}

TEST_P(LedgerTest, ACommitThatComesTooLateIsHonouredAndFlagged) {
  for (const bool swept : {false, true}) {
    const std::string id = swept ? "swept" : "unswept";
    v1::Reservation wish = Wish(id, {{"clusters", 1}}, 0, 3000);
    *wish.mutable_expire_time() = ToProto(clock_.TimeNow() + absl::Minutes(1));
    ASSERT_TRUE(ledger_->Reserve(wish).ok());
    clock_.Advance(absl::Minutes(2));
    if (swept) {
      ASSERT_TRUE(ledger_->MarkExpired().ok());
    }
    const auto committed = Commit(id, {{"clusters", 1}});
    ASSERT_TRUE(committed.ok()) << committed.status();
    EXPECT_EQ(committed->state(), v1::Reservation::COMMITTED);
    EXPECT_TRUE(committed->over_reserved());
    ASSERT_TRUE(Release(id).ok());
  }
}

TEST_P(LedgerTest, ReleaseGivesBackOnceAndForGood) {
  ASSERT_TRUE(Reserve("a", {{"clusters", 1}}).ok());
  ASSERT_TRUE(Commit("a", {{"clusters", 1}}).ok());
  clock_.Advance(absl::Minutes(1));
  const auto released = Release("a");
  ASSERT_TRUE(released.ok()) << released.status();
  EXPECT_EQ(released->state(), v1::Reservation::RELEASED);
  EXPECT_EQ(UsageOf("clusters").committed(), 0);
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(Release("a")->SerializeAsString(), released->SerializeAsString());
  EXPECT_EQ(ReasonFor(Commit("a", {{"clusters", 1}})), v1::WRONG_STATE);
  EXPECT_EQ(ReasonFor(Release("nope")), v1::RESOURCE_NOT_FOUND);
  EXPECT_EQ(ReasonFor(Commit("nope", {})), v1::RESOURCE_NOT_FOUND);
}

TEST_P(LedgerTest, WhatExpiredAndWasReleasedCannotBeCommitted) {
  ASSERT_TRUE(Reserve("a", {{"clusters", 1}}, 0, 300).ok());
  clock_.Advance(absl::Minutes(61));
  const auto expired = Get("a");
  EXPECT_EQ(Release("a")->SerializeAsString(), expired->SerializeAsString());
  EXPECT_EQ(ReasonFor(Commit("a", {{"clusters", 1}})), v1::WRONG_STATE);
}

TEST_P(LedgerTest, AnUpdateCountsOnlyBeyondWhatItReplaces) {
  ASSERT_TRUE(Reserve("old", {{"vcpu", 20}, {"nodes", 5}}).ok());
  ASSERT_TRUE(Commit("old", {{"vcpu", 20}, {"nodes", 5}}).ok());
  ASSERT_TRUE(Reserve("other", {{"vcpu", 2}}).ok());
  EXPECT_EQ(ReasonFor(Replace("too-much", "old", {{"vcpu", 31}})), v1::QUOTA_EXCEEDED);
  ASSERT_TRUE(Replace("new", "old", {{"vcpu", 30}, {"nodes", 3}}).ok());
  EXPECT_EQ(UsageOf("vcpu").committed(), 20);
  EXPECT_EQ(UsageOf("vcpu").pending(), 12);
  EXPECT_EQ(UsageOf("nodes").pending(), 0);
  EXPECT_EQ(ReasonFor(Reserve("more", {{"vcpu", 1}})), v1::QUOTA_EXCEEDED);

  ASSERT_TRUE(Commit("new", {{"vcpu", 30}, {"nodes", 3}}).ok());
  EXPECT_EQ(Get("old")->state(), v1::Reservation::RELEASED);
  EXPECT_EQ(UsageOf("vcpu").committed(), 30);
  EXPECT_EQ(UsageOf("nodes").committed(), 3);
  EXPECT_TRUE(Reserve("freed", {{"nodes", 2}}).ok());
}

TEST_P(LedgerTest, AnUpdateThatIsGivenUpLeavesTheOldOneAsItWas) {
  ASSERT_TRUE(Reserve("old", {{"vcpu", 20}}).ok());
  ASSERT_TRUE(Commit("old", {{"vcpu", 20}}).ok());
  ASSERT_TRUE(Replace("new", "old", {{"vcpu", 32}}).ok());
  EXPECT_EQ(ReasonFor(Replace("twin", "old", {{"vcpu", 32}})), v1::WRONG_STATE);
  ASSERT_TRUE(Release("new").ok());
  EXPECT_EQ(Get("old")->state(), v1::Reservation::COMMITTED);
  EXPECT_EQ(UsageOf("vcpu").pending(), 0);
  EXPECT_TRUE(Replace("again", "old", {{"vcpu", 32}}).ok());
}

TEST_P(LedgerTest, OnlyWhatIsCommittedCanBeReplaced) {
  EXPECT_EQ(ReasonFor(Replace("new", "nope", {{"vcpu", 1}})), v1::INVALID_FIELD);
  ASSERT_TRUE(Reserve("old", {{"vcpu", 1}}).ok());
  EXPECT_EQ(ReasonFor(Replace("new", "old", {{"vcpu", 1}})), v1::WRONG_STATE);
  ASSERT_TRUE(Release("old").ok());
  EXPECT_EQ(ReasonFor(Replace("new", "old", {{"vcpu", 1}})), v1::WRONG_STATE);
}

TEST_P(LedgerTest, WhatIsOverCommittedAdmitsDecreasesAlone) {
  ASSERT_TRUE(Reserve("old", {{"vcpu", 20}, {"nodes", 1}}).ok());
  ASSERT_TRUE(Commit("old", {{"vcpu", 20}, {"nodes", 1}}).ok());
  ASSERT_TRUE(SetLimit("vcpu", 4).ok());
  EXPECT_TRUE(UsageOf("vcpu").over_committed());
  EXPECT_EQ(ReasonFor(Reserve("more", {{"vcpu", 1}})), v1::QUOTA_EXCEEDED);
  EXPECT_TRUE(Reserve("else", {{"nodes", 1}}).ok()) << "other metrics go on";
  EXPECT_EQ(ReasonFor(Replace("up", "old", {{"vcpu", 21}})), v1::QUOTA_EXCEEDED);
  EXPECT_EQ(ReasonFor(Replace("longer", "old", {{"vcpu", 20}}, 0, 61)), v1::QUOTA_EXCEEDED);
  ASSERT_TRUE(Replace("down", "old", {{"vcpu", 19}, {"nodes", 1}}).ok());
  ASSERT_TRUE(Commit("down", {{"vcpu", 19}}).ok());
  EXPECT_EQ(UsageOf("vcpu").committed(), 19);
}

TEST_P(LedgerTest, AnExtensionIsCheckedForTheTimeThatItAdds) {
  ASSERT_TRUE(Reserve("old", {{"clusters", 1}}, 0, 60).ok());
  ASSERT_TRUE(Commit("old", {{"clusters", 1}}).ok());
  ASSERT_TRUE(Reserve("next", {{"clusters", 1}}, 90, 120).ok());
  const auto refused = Replace("too-long", "old", {{"clusters", 1}}, 0, 91);
  ASSERT_EQ(ReasonFor(refused), v1::QUOTA_EXCEEDED);
  ASSERT_TRUE(Replace("longer", "old", {{"clusters", 1}}, 0, 90).ok());
  EXPECT_EQ(ReasonFor(Reserve("between", {{"clusters", 1}}, 60, 61)), v1::QUOTA_EXCEEDED);
}

TEST_P(LedgerTest, CheckFitAnswersAsReserveWouldAndTakesNothing) {
  ASSERT_TRUE(SetLimit("vcpu:-", 6).ok());
  ASSERT_TRUE(Reserve("a", {{"vcpu", 30}}, 0, 45).ok());
  v1::CheckFitRequest request;
  request.set_parent(kProject);
  AddAmounts({{"vcpu", 8}}, request.mutable_amounts());
  request.set_user("ann");
  *request.mutable_end_time() = ToProto(At(60));
  const auto fit = ledger_->CheckFit(request);
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_FALSE(fit->fits());
  ASSERT_EQ(fit->shortfalls_size(), 2);
  EXPECT_EQ(fit->shortfalls(0).level(), "project");
  EXPECT_EQ(FromProto(fit->shortfalls(0).fits_from()), At(45));
  EXPECT_EQ(fit->shortfalls(1).level(), "user");
  EXPECT_FALSE(fit->shortfalls(1).has_fits_from());

  request.clear_user();
  *request.mutable_start_time() = ToProto(At(45));
  EXPECT_TRUE(ledger_->CheckFit(request)->fits());
  EXPECT_TRUE(ledger_->CheckFit(request)->fits());

  request.clear_end_time();
  request.set_supersedes(ReservationOf("a"));
  const auto refused = ledger_->CheckFit(request);
  google::rpc::BadRequest faults;
  ASSERT_TRUE(ReadDetail(refused.status(), faults));
  EXPECT_EQ(faults.field_violations_size(), 2) << refused.status();
}

TEST_P(LedgerTest, ListHeldTellsWhatTheReconcilerMustKnow) {
  ASSERT_TRUE(Reserve("a", {{"vcpu", 1}}, 0, 5).ok());
  ASSERT_TRUE(Commit("a", {{"vcpu", 1}}).ok());
  ASSERT_TRUE(Reserve("b", {{"vcpu", 1}}).ok());
  ASSERT_TRUE(Reserve("c", {}).ok());
  ASSERT_TRUE(Reserve("d", {{"vcpu", 1}}).ok());
  ASSERT_TRUE(Release("b").ok());
  clock_.Advance(absl::Minutes(10));
  std::vector<std::string> names;
  internal::v1::ListHeldRequest request;
  request.set_page_size(1);
  while (true) {
    const auto page = ledger_->ListHeld(request);
    ASSERT_TRUE(page.ok()) << page.status();
    if (page->reservations().empty()) break;
    ASSERT_EQ(page->reservations_size(), 1);
    request.set_after(page->reservations(0).name());
    names.push_back(request.after());
  }
  EXPECT_THAT(names,
              testing::ElementsAre(ReservationOf("a"), ReservationOf("c"), ReservationOf("d")));
  clock_.Advance(absl::Minutes(60));
  request.clear_after();
  request.clear_page_size();
  EXPECT_EQ(ledger_->ListHeld(request)->reservations_size(), 1) << "pending ones have expired";
}

TEST_P(LedgerTest, ListsNewestFirstPageByPageWhatTheCallerMaySee) {
  for (const char* id : {"a", "b", "c"}) {
    ASSERT_TRUE(Reserve(id, {{"vcpu", 1}, {"nodes", 1}}).ok());
    clock_.Advance(absl::Minutes(1));
  }
  v1::Reservation other = Wish("d", {});
  other.set_name("projects/data/quota/reservations/d");
  ASSERT_TRUE(ledger_->Reserve(other).ok());

  const auto names = [&](const std::string& parent, const Principal& caller) {
    std::vector<std::string> names;
    v1::ListReservationsRequest request;
    request.set_parent(parent);
    request.set_page_size(2);
    do {
      const auto page = ledger_->List(request, caller);
      EXPECT_TRUE(page.ok()) << page.status();
      if (!page.ok()) break;
      EXPECT_LE(page->reservations_size(), 2);
      for (const auto& row : page->reservations()) names.push_back(row.name().substr(9));
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return names;
  };
  const std::vector<std::string> web = {"web/quota/reservations/c", "web/quota/reservations/b",
                                        "web/quota/reservations/a"};
  EXPECT_EQ(names("projects/web", caller_), web);
  EXPECT_EQ(names("projects/-", caller_).size(), 4);
  Principal bob;
  EXPECT_THAT(names("projects/-", bob), IsEmpty());
  bob.add_projects("web");
  EXPECT_EQ(names("projects/-", bob), web);
}

INSTANTIATE_TEST_SUITE_P(Engines, LedgerTest, testing::Values(Engine::kSqlite, Engine::kPostgres),
                         EngineName);

}  // namespace
}  // namespace stackyard::quota
