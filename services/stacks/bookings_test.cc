// Stacks that are booked ahead.
#include "services/stacks/bookings.h"

#include "services/stacks/test_env.h"

namespace stackyard::stacks {
namespace {

using internal::v1::Assignment;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class BookingsTest : public StacksTest {
 protected:
  v1::CreateStackRequest Wish(absl::Duration ahead, const std::string& version = "1.0") {
    v1::CreateStackRequest request = CreateRequest("shop");
    request.mutable_stack()->set_template_version("templates/shop/versions/" + version);
    *request.mutable_stack()->mutable_lease()->mutable_start_time() =
        ToProto(clock_.TimeNow() + ahead);
    return request;
  }
  // A stack that is planned, to begin in a week.
  void Book(const std::string& version = "1.0") {
    const auto operation = stacks_->Create(Ann(), Wish(absl::Hours(7 * 24), version));
    ASSERT_TRUE(operation.ok()) << operation.status();
    operation_ = operation->name();
    Plan(PlanOf("d1", 1, 1));
  }
  void Pass(absl::Duration time) {
    clock_.Advance(time);
    RunTasks();
  }

  const absl::Time start_ = clock_.TimeNow() + absl::Hours(7 * 24);
  std::string operation_;
};

STACKS_TEST_ON_BOTH(BookingsTest);

TEST_P(BookingsTest, IsReservedAndApprovedNowAndAppliedThen) {
  Book();
  ASSERT_THAT(ledger_.Held(), SizeIs(1));
  EXPECT_EQ(FromProto(ledger_.Held()[0].start_time()), start_);
  EXPECT_EQ(FromProto(ledger_.Held()[0].end_time()), start_ + absl::Hours(72));
  EXPECT_GT(FromProto(ledger_.Held()[0].expire_time()), start_) << "held until it begins";
  ASSERT_TRUE(Approve(Dan(), PendingRequest()).ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::AWAITING_APPROVAL);
  EXPECT_THAT(GetStack().state_detail().message(), HasSubstr("it begins at 2027-01-22 08:00 UTC"));
  Pass(absl::Hours(7 * 24) - absl::Seconds(1));
  EXPECT_FALSE(TryAcquire().has_value());
  Pass(absl::Seconds(1));
  EXPECT_EQ(GetStack().state(), v1::Stack::APPLYING);
  Apply(StateOf(1, 1));
  EXPECT_EQ(GetStack().state(), v1::Stack::READY);
  EXPECT_TRUE(GetOperation(operation_).done());
  EXPECT_EQ(FromProto(GetStack().lease().end_time()), start_ + absl::Hours(72));
  EXPECT_EQ(ledger_.Held().at(0).state(), v1::Reservation::COMMITTED);
  Pass(absl::Hours(72));
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYING);
}

TEST_P(BookingsTest, WhoseWholeLeaseNobodyWasThereForIsGivenUp) {
  Book();
  ASSERT_TRUE(Approve(Dan(), PendingRequest()).ok());
  // The service was down from before its beginning until after its end.
  Pass(absl::Hours(7 * 24 + 73));
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::FAILED);
  EXPECT_FALSE(TryAcquire().has_value()) << "nothing is made that would have to go at once";
  EXPECT_EQ(ReasonOf(ErrorOf(operation_)), v1::WRONG_STATE);
  EXPECT_THAT(ledger_.Held(), SizeIs(0));
}

TEST_P(BookingsTest, WithoutReviewItWaitsAllTheSame) {
  Publish("auto", ShopYaml("{mode: auto}"));
  Book("auto");
  EXPECT_EQ(GetStack().state(), v1::Stack::AWAITING_APPROVAL);
  EXPECT_EQ(GetRequest(GetStack().change_request()).state(), ChangeRequest::APPROVED);
  EXPECT_FALSE(TryAcquire().has_value());
  Pass(absl::Hours(7 * 24));
  Apply(StateOf(1, 1));
  EXPECT_EQ(GetStack().state(), v1::Stack::READY);
}

TEST_P(BookingsTest, WhoIsApprovedLateBeginsAtOnce) {
  Publish("slow", ShopYaml("{mode: required, expires_after: 30d}"));
  Book("slow");
  Pass(absl::Hours(8 * 24));
  ASSERT_TRUE(Approve(Dan(), PendingRequest()).ok());
  EXPECT_EQ(GetStack().state(), v1::Stack::APPLYING);
}

TEST_P(BookingsTest, CanBeGivenUpBeforeItBegins) {
  Book();
  ASSERT_TRUE(Approve(Dan(), PendingRequest()).ok());
  ASSERT_TRUE(Delete("shop").ok());
  RunTasks();
  EXPECT_EQ(GetStack().state(), v1::Stack::DESTROYED);
  EXPECT_EQ(ReasonOf(ErrorOf(operation_)), v1::REQUEST_CLOSED);
  EXPECT_THAT(ledger_.Held(), IsEmpty());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM tasks"), 0);
  Pass(absl::Hours(8 * 24));
  EXPECT_FALSE(TryAcquire().has_value());
}

TEST_P(BookingsTest, ThePastAndTheFarFutureAreRefused) {
  for (const absl::Duration ahead : {absl::ZeroDuration(), -absl::Hours(1), absl::Hours(9000)}) {
    const absl::Status refused = stacks_->Create(Ann(), Wish(ahead)).status();
    EXPECT_EQ(ReasonOf(refused), v1::INVALID_FIELD);
    EXPECT_THAT(std::string(refused.message()), HasSubstr("stack.lease.start_time"));
  }
  EXPECT_EQ(Count("SELECT COUNT(*) FROM stacks"), 0);
}

}  // namespace
}  // namespace stackyard::stacks
