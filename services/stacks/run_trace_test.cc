// Which trace goes on in what is written down and done later.
#include "services/stacks/run_trace.h"

#include "common/log.h"
#include "common/span.h"
#include "services/stacks/test_env.h"

namespace stackyard::stacks {
namespace {

using internal::v1::Assignment;
using testing::Each;
using testing::IsEmpty;
using testing::SizeIs;

constexpr char kCreate[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
constexpr char kApprove[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

std::string TraceId(const std::string& traceparent) { return traceparent.substr(3, 32); }

class RunTraceTest : public StacksTest {
 protected:
  RunTraceTest() { ProcessSpans().Open(1, 100'000, nullptr); }
  ~RunTraceTest() override {
    ProcessSpans().Close();
    ProcessSpans().Take(100'000);
  }
  // Those of a name that ended since it was asked last; the others are forgotten.
  static std::vector<SpanRecord> Ended(const std::string& name) {
    std::vector<SpanRecord> found;
    for (SpanRecord& span : ProcessSpans().Take(100'000)) {
      if (span.name == name) found.push_back(std::move(span));
    }
    return found;
  }
  void CreateTraced(const std::string& traceparent = kCreate) {
    const RequestScope scope("", traceparent);
    Create("shop");
  }
  // As the runner does, in the trace of the run.
  void PlanTraced(const Assignment& assignment) {
    const RequestScope scope("", assignment.traceparent());
    EXPECT_TRUE(CompletePlan(assignment, PlanOf("d1", 2, 2)).ok());
  }
};

TEST_P(RunTraceTest, ARunBelongsToItsRequest) {
  CreateTraced();
  const Assignment assignment = Acquire(Assignment::PLAN);
  EXPECT_EQ(TraceId(assignment.traceparent()), TraceId(kCreate));
  const auto waits = Ended("queue plan");
  ASSERT_THAT(waits, SizeIs(1));
  EXPECT_EQ(waits[0].parent, TraceContext::Parse(kCreate)->span_id);
  EXPECT_EQ(waits[0].context.Format(), assignment.traceparent());
  EXPECT_EQ(waits[0].start, absl::ToUnixNanos(clock_.TimeNow())) << "when it was queued";
  EXPECT_THAT(waits[0].links, IsEmpty());
}

TEST_P(RunTraceTest, WhatFollowsFromARunBelongsToIt) {
  CreateTraced();
  const Assignment assignment = Acquire(Assignment::PLAN);
  PlanTraced(assignment);
  RunTasks();
  const auto reserved = Ended("task reserve");
  ASSERT_THAT(reserved, SizeIs(1));
  EXPECT_EQ(reserved[0].parent, TraceContext::Parse(assignment.traceparent())->span_id);
  EXPECT_EQ(RequestScope::Traceparent(), "");
}

TEST_P(RunTraceTest, AnApplyBelongsToItsApprovalAndNamesTheRequest) {
  CreateTraced();
  PlanTraced(Acquire(Assignment::PLAN));
  RunTasks();
  {
    const RequestScope scope("", kApprove);
    ApproveAll();
  }
  const Assignment assignment = Acquire(Assignment::APPLY);
  EXPECT_EQ(TraceId(assignment.traceparent()), TraceId(kApprove));
  const auto waits = Ended("queue apply");
  ASSERT_THAT(waits, SizeIs(1));
  ASSERT_THAT(waits[0].links, SizeIs(1));
  EXPECT_EQ(waits[0].links[0].Format(), kCreate);
}

TEST_P(RunTraceTest, AnotherAttemptHasATraceOfItsOwn) {
  CreateTraced();
  const Assignment lost = Acquire(Assignment::PLAN);
  Ended("queue plan");
  clock_.Advance(absl::Seconds(16));
  EXPECT_EQ(*queue_->TakeBack(), 1);
  const Assignment again = Acquire(Assignment::PLAN, "r2");
  EXPECT_NE(TraceId(again.traceparent()), TraceId(kCreate));
  EXPECT_TRUE(IsSampled(again.traceparent()));
  const auto waits = Ended("queue plan");
  ASSERT_THAT(waits, SizeIs(1));
  EXPECT_THAT(waits[0].parent, Each(0));
  ASSERT_THAT(waits[0].links, SizeIs(1));
  EXPECT_EQ(waits[0].links[0].Format(), kCreate);
}

TEST_P(RunTraceTest, ATimerHasATraceOfItsOwn) {
  {
    const RequestScope scope("", kCreate);
    MakeReady();
  }
  Ended("");
  clock_.Advance(absl::Hours(73));
  RunTasks();
  const auto ended = Ended("task end_lease");
  ASSERT_THAT(ended, SizeIs(1));
  EXPECT_THAT(ended[0].parent, Each(0));
  ASSERT_THAT(ended[0].links, SizeIs(1));
  EXPECT_EQ(TraceId(ended[0].links[0].Format()), TraceId(kCreate));
  // And what follows from it belongs to it.
  EXPECT_EQ(TraceId(Acquire(Assignment::DESTROY).traceparent()),
            TraceId(ended[0].context.Format()));
}

TEST_P(RunTraceTest, ATraceGoesOnThoughNothingIsRecorded) {
  ProcessSpans().Close();
  CreateTraced();
  EXPECT_EQ(Acquire(Assignment::PLAN).traceparent(), kCreate);
  EXPECT_THAT(ProcessSpans().Take(10), IsEmpty());
}

TEST_P(RunTraceTest, WorkOfNobodysTraceHasNone) {
  CreateTraced("");
  EXPECT_EQ(Acquire(Assignment::PLAN).traceparent(), "");
  EXPECT_THAT(Ended("queue plan"), IsEmpty());
}

STACKS_TEST_ON_BOTH(RunTraceTest);

}  // namespace
}  // namespace stackyard::stacks
