// Longer leases.
#include "services/stacks/extensions.h"

#include <atomic>

#include "absl/strings/str_cat.h"
#include "common/work.h"
#include "services/stacks/test_env.h"

namespace stackyard::stacks {
namespace {

using internal::v1::Assignment;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Property;
using testing::SizeIs;

class ExtensionsTest : public StacksTest {
 protected:
  v1::ExtendStackRequest Wish(absl::Duration more, const std::string& id = "shop") {
    v1::ExtendStackRequest request;
    request.set_name(StackOf(id));
    *request.mutable_duration() = ToProto(more);
    request.set_reason("the sale goes on");
    return request;
  }
  absl::Status Extend(absl::Duration more) {
    return extensions_->Extend(Ann(), Wish(more)).status();
  }
  // A READY stack that waits for 24 more hours.
  ChangeRequest Ask() {
    MakeReady();
    const auto stack = extensions_->Extend(Ann(), Wish(absl::Hours(24)));
    EXPECT_TRUE(stack.ok()) << stack.status();
    return GetRequest(GetStack().change_request());
  }
  absl::Status Reject(const ChangeRequest& request) {
    v1::RejectChangeRequestRequest reject;
    reject.set_name(request.name());
    reject.set_reason("72 h are plenty");
    return reviews_->Reject(Dan(), reject).status();
  }
  absl::Duration LeaseLength() {
    return FromProto(GetStack().lease().end_time()) - FromProto(GetStack().lease().start_time());
  }
  // Nothing is left of an extension that came to nothing, and it may be asked for again.
  void ExpectNotExtended() {
    RunTasks();
    EXPECT_EQ(GetStack().state(), v1::Stack::READY);
    EXPECT_EQ(LeaseLength(), absl::Hours(72));
    EXPECT_FALSE(GetStack().lease().extended());
    ASSERT_THAT(ledger_.Held(), SizeIs(1));
    EXPECT_EQ(ledger_.Held()[0].end_time().seconds(), GetStack().lease().end_time().seconds());
    EXPECT_TRUE(Extend(absl::Hours(1)).ok());
  }
};

STACKS_TEST_ON_BOTH(ExtensionsTest);

TEST_P(ExtensionsTest, IsReservedThenReviewedThenInForce) {
  const ChangeRequest request = Ask();
  EXPECT_EQ(request.type(), ChangeRequest::EXTENSION);
  EXPECT_EQ(request.state(), ChangeRequest::PENDING);
  EXPECT_EQ(request.requester(), "users/ann");
  EXPECT_EQ(request.reason(), "the sale goes on");
  EXPECT_EQ(FromProto(request.extension()), absl::Hours(24));
  EXPECT_THAT(request.summary(), HasSubstr("24h more, until "));
  ASSERT_THAT(ledger_.Held(), SizeIs(2)) << "held while reviewers think";
  EXPECT_EQ(GetStack().state(), v1::Stack::READY) << "and in use";
  EXPECT_THAT(GetStack().state_detail().message(), HasSubstr("waits for review of"));
  EXPECT_EQ(LeaseLength(), absl::Hours(72));

  ASSERT_TRUE(Approve(Dan(), request).ok());
  EXPECT_EQ(LeaseLength(), absl::Hours(96));
  EXPECT_TRUE(GetStack().lease().extended());
  RunTasks();
  ASSERT_THAT(ledger_.Held(), SizeIs(1));
  EXPECT_EQ(ledger_.Held()[0].state(), v1::Reservation::COMMITTED);
  EXPECT_EQ(ledger_.Held()[0].end_time().seconds(), GetStack().lease().end_time().seconds());
  EXPECT_EQ(ledger_.Sum("vcpu"), 2);
  ASSERT_THAT(EventsOf("stack.leaseExtended"), SizeIs(1));
  EXPECT_EQ(EventsOf("stack.leaseExtended")[0].actor(), "users/dan");

  // The old end is nothing; warnings come before the new one.
  clock_.Advance(absl::Hours(72));
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::READY);
  EXPECT_THAT(EventsOf("stack.leaseWarning"), SizeIs(1));
  clock_.Advance(absl::Hours(24));
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYING);
}

TEST_P(ExtensionsTest, OnceIsAll) {
  ASSERT_TRUE(Approve(Dan(), Ask()).ok());
  RunTasks();
  const absl::Status again = Extend(absl::Hours(1));
  EXPECT_EQ(ReasonOf(again), v1::WRONG_STATE);
  EXPECT_THAT(std::string(again.message()), HasSubstr("extended before"));
  EXPECT_THAT(ledger_.Held(), SizeIs(1));
}

TEST_P(ExtensionsTest, NobodyPassesTheMaximum) {
  MakeReady();
  const Principal boss = Person("root", {"admin"});
  const absl::Status refused =
      extensions_->Extend(boss, Wish(absl::Hours(168) + absl::Seconds(1))).status();
  EXPECT_EQ(ReasonOf(refused), v1::INVALID_FIELD);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("at most 168h"));
  EXPECT_THAT(ledger_.Held(), SizeIs(1));
  EXPECT_TRUE(extensions_->Extend(boss, Wish(absl::Hours(168))).ok());
}

TEST_P(ExtensionsTest, EveryFaultIsToldAtOnce) {
  v1::ExtendStackRequest request;
  request.set_name("shop");
  *request.mutable_duration() = ToProto(-absl::Hours(1));
  const absl::Status refused = extensions_->Extend(Ann(), request).status();
  EXPECT_EQ(ReasonOf(refused), v1::INVALID_FIELD);
  for (const char* field : {"name", "duration", "reason"}) {
    EXPECT_THAT(std::string(refused.message()), HasSubstr(field));
  }
  EXPECT_EQ(ReasonOf(extensions_->Extend(Ann(), Wish(absl::Hours(1), "nope")).status()),
            v1::RESOURCE_NOT_FOUND);
  Create("shop");
  EXPECT_EQ(ReasonOf(Extend(absl::Hours(1))), v1::WRONG_STATE) << "nothing is there yet";
}

TEST_P(ExtensionsTest, WithoutQuotaNobodyIsAsked) {
  MakeReady();
  ledger_.Refuse(Error(v1::QUOTA_EXCEEDED, "vcpu: a sale of others"));
  const absl::Status refused = Extend(absl::Hours(24));
  EXPECT_EQ(ReasonOf(refused), v1::QUOTA_EXCEEDED);
  ledger_.SetDown(true);
  EXPECT_EQ(ReasonOf(Extend(absl::Hours(24))), v1::DEPENDENCY_UNAVAILABLE) << "fail closed";
  ledger_.SetDown(false);
  ledger_.Refuse(absl::OkStatus());
  clock_.Advance(absl::Minutes(5));
  RunTasks();
  EXPECT_EQ(Count("SELECT COUNT(*) FROM change_requests"), 1) << "that of the stack itself";
  EXPECT_EQ(GetStack().state_detail().message(), "in use");
  EXPECT_THAT(ledger_.Held(), SizeIs(1));
}

TEST_P(ExtensionsTest, AReservationThatNobodyWroteDownIsGivenBack) {
  MakeReady();
  // As if the service was killed between quota's answer and its own transaction.
  ledger_.after_reserve = [&] {
    EXPECT_TRUE(
        store_
            ->Write(Actor(),
                    [&](Change& change) -> absl::Status {
                      ASSIGN_OR_RETURN(StackRecord record, LockStack(change, {"web", "shop"}));
                      record.mutable_stack()->mutable_lease()->set_extended(true);
                      return SaveStack(change, record);
                    })
            .ok());
  };
  EXPECT_EQ(ReasonOf(Extend(absl::Hours(24))), v1::WRONG_STATE);
  EXPECT_THAT(ledger_.Held(), SizeIs(2));
  clock_.Advance(absl::Minutes(2));
  RunTasks();
  EXPECT_THAT(ledger_.Held(), SizeIs(1));
}

TEST_P(ExtensionsTest, RejectedChangesNothing) {
  const ChangeRequest request = Ask();
  EXPECT_EQ(ReasonOf(Approve(Ann(), request).status()), v1::SELF_REVIEW);
  ASSERT_TRUE(Reject(request).ok());
  EXPECT_THAT(GetStack().state_detail().message(), HasSubstr("72 h are plenty"));
  EXPECT_EQ(ReasonOf(FromProto(GetStack().state_detail().error())), v1::REQUEST_CLOSED);
  EXPECT_EQ(EventsOf("changeRequest.rejected").size(), 1u);
  ExpectNotExtended();
}

TEST_P(ExtensionsTest, WithdrawnChangesNothing) {
  const ChangeRequest request = Ask();
  v1::WithdrawChangeRequestRequest withdraw;
  withdraw.set_name(request.name());
  ASSERT_TRUE(reviews_->Withdraw(Ann(), withdraw).ok());
  ExpectNotExtended();
}

TEST_P(ExtensionsTest, ExpiredChangesNothing) {
  const ChangeRequest request = Ask();
  clock_.Advance(absl::Hours(24));
  RunTasks();
  EXPECT_EQ(GetRequest(request.name()).state(), ChangeRequest::EXPIRED);
  ExpectNotExtended();
}

TEST_P(ExtensionsTest, WhileItWaitsTheStackIsNotChanged) {
  const ChangeRequest request = Ask();
  const absl::Status refused = stacks_->Update(Ann(), UpdateRequest("shop", 4)).status();
  EXPECT_EQ(ReasonOf(refused), v1::WRONG_STATE);
  EXPECT_THAT(std::string(refused.message()), HasSubstr(request.name()));
  EXPECT_EQ(ReasonOf(Extend(absl::Hours(1))), v1::WRONG_STATE);
  EXPECT_EQ(GetStack().latest_revision(), 1);
  ASSERT_TRUE(Reject(request).ok());
  RunTasks();
  EXPECT_TRUE(stacks_->Update(Ann(), UpdateRequest("shop", 4)).ok());
}

TEST_P(ExtensionsTest, AStackThatIsDeletedWaitsForNothing) {
  const ChangeRequest request = Ask();
  ASSERT_TRUE(Delete("shop").ok());
  EXPECT_EQ(GetRequest(request.name()).state(), ChangeRequest::WITHDRAWN);
  EXPECT_EQ(ReasonOf(Approve(Dan(), request).status()), v1::REQUEST_CLOSED);
  const Assignment destroy = Acquire(Assignment::DESTROY);
  ASSERT_TRUE(SaveState(destroy, StateOf(2, 0)).ok());
  ASSERT_TRUE(Complete(destroy).ok());
  RunTasks();
  EXPECT_THAT(ledger_.Held(), IsEmpty());
}

TEST_P(ExtensionsTest, TheEndOfTheLeaseDoesNotWaitForReviewers) {
  Publish("slow", ShopYaml("{mode: required, expires_after: 30d}"));
  MakeReadyFrom("templates/shop/versions/slow");
  ASSERT_TRUE(Extend(absl::Hours(24)).ok());
  const ChangeRequest request = GetRequest(GetStack().change_request());
  clock_.Advance(absl::Hours(72));
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYING);
  EXPECT_NE(GetRequest(request.name()).state(), ChangeRequest::PENDING);
  EXPECT_THAT(ledger_.Held(), Each(Property(&v1::Reservation::state, v1::Reservation::COMMITTED)));
  EXPECT_EQ(ledger_.Sum("vcpu"), 2) << "held once, beyond the lease";
  EXPECT_GT(FromProto(ledger_.Held().at(0).end_time()), clock_.TimeNow());
}

TEST_P(ExtensionsTest, WithoutReviewItIsInForceAtOnce) {
  Publish("auto", ShopYaml("{mode: auto}"));
  MakeReadyFrom("templates/shop/versions/auto");
  ASSERT_TRUE(Extend(absl::Hours(24)).ok());
  EXPECT_EQ(GetRequest(GetStack().change_request()).state(), ChangeRequest::APPROVED);
  EXPECT_EQ(LeaseLength(), absl::Hours(96));
  RunTasks();
  EXPECT_THAT(ledger_.Held(), SizeIs(1));
}

TEST_P(ExtensionsTest, EightAtOnceAskOnce) {
  MakeReady();
  std::atomic<int> asked = 0;
  std::atomic<int> refused = 0;
  {
    std::vector<Task> callers;
    for (int i = 0; i < 8; ++i) {
      callers.emplace_back("caller", [&] {
        const absl::Status status = Extend(absl::Hours(24));
        asked += status.ok();
        refused += ReasonOf(status) == v1::WRONG_STATE;
      });
    }
  }
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(refused, 7);
  clock_.Advance(absl::Minutes(3));
  RunTasks();
  EXPECT_THAT(ledger_.Held(), SizeIs(2)) << "that of the lease, and the one that was asked for";
  ASSERT_TRUE(Approve(Dan(), GetRequest(GetStack().change_request())).ok());
  RunTasks();
  EXPECT_EQ(LeaseLength(), absl::Hours(96));
  EXPECT_THAT(ledger_.Held(), SizeIs(1));
}

TEST_P(ExtensionsTest, YesNoAndTheEndAtOnceLeaveNothingBehind) {
  for (int round = 0; round < 5; ++round) {
    const std::string id = absl::StrCat("shop-", round);
    MakeReady(id);
    ASSERT_TRUE(extensions_->Extend(Ann(), Wish(absl::Hours(24), id)).ok());
    const ChangeRequest request = GetRequest(GetStack(id).change_request());
    {
      std::vector<Task> people;
      people.emplace_back("yes", [&] { (void)Approve(Dan(), request); });
      people.emplace_back("no", [&] { (void)Reject(request); });
      people.emplace_back("end", [&] { (void)Delete(id); });
    }
    RunTasks();
    const auto state = GetRequest(request.name()).state();
    EXPECT_NE(state, ChangeRequest::PENDING);
    EXPECT_EQ(GetStack(id).lease().extended(), state == ChangeRequest::APPROVED);
    EXPECT_EQ(GetStack(id).state(), v1::Stack::DESTROYING);
    ASSERT_THAT(ledger_.Held(), SizeIs(1));
    EXPECT_EQ(ledger_.Held()[0].end_time().seconds(), GetStack(id).lease().end_time().seconds());
    const Assignment destroy = Acquire(Assignment::DESTROY);
    ASSERT_TRUE(SaveState(destroy, StateOf(2, 0)).ok());
    ASSERT_TRUE(Complete(destroy).ok());
    RunTasks();
    EXPECT_THAT(ledger_.Held(), IsEmpty());
  }
  EXPECT_EQ(Count("SELECT COUNT(*) FROM tasks"), 0);
}

TEST_P(ExtensionsTest, ARepeatedRequestGetsItsFirstAnswer) {
  MakeReady();
  v1::ExtendStackRequest request = Wish(absl::Hours(24));
  request.set_request_id("once");
  const auto first = extensions_->Extend(Ann(), request);
  ASSERT_TRUE(first.ok()) << first.status();
  const auto again = extensions_->Extend(Ann(), request);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->etag(), first->etag());
  EXPECT_THAT(ledger_.Held(), SizeIs(2));
  *request.mutable_duration() = ToProto(absl::Hours(1));
  EXPECT_EQ(ReasonOf(extensions_->Extend(Ann(), request).status()), v1::REQUEST_ID_REUSED);
}

}  // namespace
}  // namespace stackyard::stacks
