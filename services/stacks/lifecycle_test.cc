// Every pair of a state and an event, against a table of its own.
#include "services/stacks/lifecycle.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "common/proto_time.h"
#include "common/status.h"

namespace stackyard::stacks {
namespace {

const absl::Time kBefore = absl::FromUnixSeconds(1'800'000'000);
const absl::Time kNow = kBefore + absl::Minutes(5);

const absl::Status kWhy = Error(v1::RUN_FAILED, "the plan failed");

// Each event with the state that it leads to, by the state before. What is absent is refused.
struct Row {
  StackEvent event;
  const char* type;
  std::map<Stack::State, Stack::State> moves;
};

std::vector<Row> Table() {
  return {
      {PlanAsked{},
       "stack.planAsked",
       {{Stack::PENDING, Stack::PENDING},
        {Stack::READY, Stack::PLANNING},
        {Stack::FAILED, Stack::PLANNING}}},
      {PlanStarted{},
       "stack.planStarted",
       {{Stack::PENDING, Stack::PLANNING}, {Stack::PLANNING, Stack::PLANNING}}},
      {ReviewAsked{"projects/web/changeRequests/7"},
       "stack.reviewAsked",
       {{Stack::PLANNING, Stack::AWAITING_APPROVAL}}},
      {PlanStale{"the state moved on"},
       "stack.planStale",
       {{Stack::AWAITING_APPROVAL, Stack::PLANNING}, {Stack::APPLYING, Stack::PLANNING}}},
      {ApplyAsked{},
       "stack.applyAsked",
       {{Stack::PLANNING, Stack::APPLYING}, {Stack::AWAITING_APPROVAL, Stack::APPLYING}}},
      {Applied{4}, "stack.applied", {{Stack::APPLYING, Stack::READY}}},
      {GivenUp{kWhy, false},
       "stack.givenUp",
       {{Stack::PENDING, Stack::FAILED},
        {Stack::PLANNING, Stack::FAILED},
        {Stack::AWAITING_APPROVAL, Stack::FAILED},
        // Cancelled before a runner took it.
        {Stack::APPLYING, Stack::FAILED}}},
      {Broken{kWhy},
       "stack.broken",
       {{Stack::APPLYING, Stack::FAILED}, {Stack::DESTROYING, Stack::FAILED}}},
      {DestroyAsked{},
       "stack.destroyAsked",
       {{Stack::AWAITING_APPROVAL, Stack::DESTROYING},
        {Stack::READY, Stack::DESTROYING},
        {Stack::FAILED, Stack::DESTROYING}}},
      {Gone{}, "stack.gone", {{Stack::DESTROYING, Stack::DESTROYED}}},
  };
}

StackRecord InState(Stack::State state) {
  StackRecord record;
  Stack& stack = *record.mutable_stack();
  stack.set_name("projects/web/stacks/shop");
  stack.set_state(state);
  stack.mutable_state_detail()->set_message("as before");
  *stack.mutable_state_detail()->mutable_since() = ToProto(kBefore);
  *stack.mutable_update_time() = ToProto(kBefore);
  return record;
}

std::vector<Stack::State> AllStates() {
  std::vector<Stack::State> states;
  for (int i = Stack::State_MIN; i <= Stack::State_MAX; ++i) {
    if (Stack::State_IsValid(i)) states.push_back(static_cast<Stack::State>(i));
  }
  return states;
}

TEST(LifecycleTest, TheTableHasEveryEvent) {
  std::set<size_t> kinds;
  for (const Row& row : Table()) kinds.insert(row.event.index());
  EXPECT_EQ(kinds.size(), std::variant_size_v<StackEvent>);
}

TEST(LifecycleTest, ExactlyTheListedTransitionsAreAllowed) {
  for (const Row& row : Table()) {
    EXPECT_EQ(EventType(row.event), row.type);
    for (const Stack::State state : AllStates()) {
      SCOPED_TRACE(std::string(row.type) + " while " + Stack::State_Name(state));
      const StackRecord before = InState(state);
      const auto after = Next(before, row.event, kNow);
      const auto move = row.moves.find(state);
      if (move == row.moves.end()) {
        EXPECT_EQ(ReasonOf(after.status()), v1::WRONG_STATE);
        google::rpc::ErrorInfo info;
        ASSERT_TRUE(ReadDetail(after.status(), info));
        EXPECT_EQ(info.metadata().at("state"), Stack::State_Name(state));
        EXPECT_EQ(info.metadata().at("resource"), "projects/web/stacks/shop");
        continue;
      }
      ASSERT_TRUE(after.ok()) << after.status();
      EXPECT_EQ(after->stack().state(), move->second);
      EXPECT_EQ(FromProto(after->stack().update_time()), kNow);
      EXPECT_NE(after->stack().state_detail().message(), "as before");
      EXPECT_EQ(FromProto(after->stack().state_detail().since()),
                move->second == state ? kBefore : kNow)
          << "`since` is when the state was entered";
    }
  }
}

TEST(LifecycleTest, NextLeavesTheStackThatItWasGivenAlone) {
  const StackRecord before = InState(Stack::APPLYING);
  const std::string bytes = before.SerializeAsString();
  ASSERT_TRUE(Next(before, Applied{1}, kNow).ok());
  EXPECT_EQ(before.SerializeAsString(), bytes);
}

TEST(LifecycleTest, ANewStackThatIsGivenUpIsFailedOrRejected) {
  for (const Stack::State state : {Stack::PENDING, Stack::PLANNING, Stack::AWAITING_APPROVAL}) {
    EXPECT_EQ(Next(InState(state), GivenUp{kWhy, false}, kNow)->stack().state(), Stack::FAILED);
    EXPECT_EQ(Next(InState(state), GivenUp{kWhy, true}, kNow)->stack().state(), Stack::REJECTED);
  }
}

TEST(LifecycleTest, NothingIsKeptOfAnImportThatIsGivenUpBeforeItSettled) {
  for (const Stack::State state : {Stack::PENDING, Stack::PLANNING, Stack::AWAITING_APPROVAL}) {
    for (const bool refused : {false, true}) {
      StackRecord record = InState(state);
      record.set_imported(true);
      EXPECT_EQ(Next(record, GivenUp{kWhy, refused}, kNow)->stack().state(), Stack::REJECTED);
      record.set_settled(Stack::FAILED);
      EXPECT_EQ(Next(record, GivenUp{kWhy, refused}, kNow)->stack().state(), Stack::FAILED);
    }
  }
}

TEST(LifecycleTest, AChangeThatIsGivenUpGoesBackToWhereTheStackWasSettled) {
  for (const Stack::State settled : {Stack::READY, Stack::FAILED}) {
    for (const bool refused : {false, true}) {
      StackRecord record = InState(Stack::AWAITING_APPROVAL);
      record.set_settled(settled);
      const auto after = Next(record, GivenUp{kWhy, refused}, kNow);
      ASSERT_TRUE(after.ok());
      EXPECT_EQ(after->stack().state(), settled);
      EXPECT_EQ(after->settled(), settled);
      EXPECT_EQ(after->stack().state_detail().message(),
                "the last change came to nothing: the plan failed");
      EXPECT_EQ(ReasonOf(FromProto(after->stack().state_detail().error())), v1::RUN_FAILED);
    }
  }
}

TEST(LifecycleTest, ReadyAndFailedAreWhereAStackSettles) {
  const auto ready = Next(InState(Stack::APPLYING), Applied{3}, kNow);
  EXPECT_EQ(ready->settled(), Stack::READY);
  EXPECT_EQ(ready->stack().applied_revision(), 3);
  const auto failed = Next(InState(Stack::APPLYING), Broken{kWhy}, kNow);
  EXPECT_EQ(failed->settled(), Stack::FAILED);
  EXPECT_EQ(failed->stack().applied_revision(), 0);
  EXPECT_EQ(failed->stack().state_detail().error().message(), "the plan failed");
  const auto given_up = Next(InState(Stack::PLANNING), GivenUp{kWhy, false}, kNow);
  EXPECT_EQ(given_up->settled(), Stack::STATE_UNSPECIFIED) << "nothing was ever there";
}

TEST(LifecycleTest, AnErrorIsGoneWithTheNextTransition) {
  const auto failed = Next(InState(Stack::APPLYING), Broken{kWhy}, kNow);
  ASSERT_TRUE(failed->stack().state_detail().has_error());
  const auto again = Next(*failed, PlanAsked{}, kNow);
  EXPECT_FALSE(again->stack().state_detail().has_error());
}

TEST(LifecycleTest, AReviewIsNamedInTheStack) {
  const auto after =
      Next(InState(Stack::PLANNING), ReviewAsked{"projects/web/changeRequests/7"}, kNow);
  EXPECT_EQ(after->stack().change_request(), "projects/web/changeRequests/7");
}

TEST(LifecycleTest, OnlyWhatIsOverGivesItsNameBack) {
  for (const Stack::State state : AllStates()) {
    EXPECT_EQ(HoldsName(state), state != Stack::DESTROYED && state != Stack::REJECTED)
        << Stack::State_Name(state);
  }
}

}  // namespace
}  // namespace stackyard::stacks
