#include "common/span.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/work.h"

namespace stackyard {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr char kRecorded[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
constexpr char kOther[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr char kNotRecorded[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

class SpanTest : public testing::Test {
 protected:
  SpanTest() { ProcessSpans().Open(1, 512, nullptr); }
  ~SpanTest() override {
    ProcessSpans().Close();
    Taken();
  }

  static std::vector<SpanRecord> Taken() { return ProcessSpans().Take(10'000); }
};

TEST_F(SpanTest, AChildBelongsToWhoCallsIt) {
  std::string told;
  {
    Span span = Span::Child("work", SpanKind::kClient, kRecorded);
    ASSERT_TRUE(span.recording());
    told = span.Traceparent("");
    EXPECT_THAT(Taken(), IsEmpty()) << "it has not ended";
  }
  const auto spans = Taken();
  ASSERT_THAT(spans, SizeIs(1));
  const TraceContext parent = *TraceContext::Parse(kRecorded);
  EXPECT_EQ(spans[0].name, "work");
  EXPECT_EQ(spans[0].kind, SpanKind::kClient);
  EXPECT_EQ(spans[0].context.trace_id, parent.trace_id);
  EXPECT_EQ(spans[0].parent, parent.span_id);
  EXPECT_EQ(spans[0].context.Format(), told);
  EXPECT_FALSE(spans[0].parent_is_remote);
  EXPECT_GT(spans[0].start, 0);
  EXPECT_GE(spans[0].end, spans[0].start);
}

TEST_F(SpanTest, NothingIsRecordedOfATraceThatIsNot) {
  for (const char* traceparent : {kNotRecorded, "", "nonsense"}) {
    Span span = Span::Child("work", SpanKind::kInternal, traceparent);
    span.Set("key", "value");
    span.Fail("reason");
    EXPECT_FALSE(span.recording());
    EXPECT_EQ(span.Traceparent(traceparent), traceparent) << "it is passed on as it came";
    EXPECT_FALSE(Span::Linked("work", SpanKind::kInternal, traceparent).recording());
  }
  EXPECT_THAT(Taken(), IsEmpty());
}

TEST_F(SpanTest, NothingIsRecordedWhileNothingIsExported) {
  Span begun = Span::Child("work", SpanKind::kInternal, kRecorded);
  ProcessSpans().Close();
  EXPECT_FALSE(Span::Child("work", SpanKind::kInternal, kRecorded).recording());
  EXPECT_FALSE(Span::Root("work", SpanKind::kInternal).recording());
  begun.End();
  EXPECT_THAT(Taken(), IsEmpty());
}

TEST_F(SpanTest, OfRootsTheRatioIsRecorded) {
  const auto recorded = [](double ratio) {
    ProcessSpans().Open(ratio, 512, nullptr);
    int count = 0;
    for (int i = 0; i < 4000; ++i) {
      if (Span::Root("work", SpanKind::kInternal).recording()) ++count;
    }
    return count;
  };
  EXPECT_EQ(recorded(0), 0);
  EXPECT_EQ(recorded(1), 4000);
  // Seven standard deviations.
  EXPECT_NEAR(recorded(0.25), 1000, 192);
}

TEST_F(SpanTest, ALinkedOneHasATraceOfItsOwn) {
  Span::Linked("work", SpanKind::kConsumer, kRecorded).End();
  const auto spans = Taken();
  ASSERT_THAT(spans, SizeIs(1));
  const TraceContext other = *TraceContext::Parse(kRecorded);
  EXPECT_NE(spans[0].context.trace_id, other.trace_id);
  EXPECT_THAT(spans[0].parent, testing::Each(0));
  ASSERT_THAT(spans[0].links, SizeIs(1));
  EXPECT_EQ(spans[0].links[0].Format(), kRecorded);
}

TEST_F(SpanTest, LinksThatTellNothingNewAreLeftOut) {
  Span span = Span::Child("work", SpanKind::kInternal, kRecorded);
  span.Link(kRecorded);
  span.Link(kOther);
  span.Link(kOther);
  span.Link("nonsense");
  span.End();
  const auto spans = Taken();
  ASSERT_THAT(spans[0].links, SizeIs(1));
  EXPECT_EQ(spans[0].links[0].Format(), kOther);
}

TEST_F(SpanTest, AttributesAreBoundedAndReadable) {
  Span span = Span::Child("work", SpanKind::kInternal, kRecorded);
  span.Set("long", std::string(1000, 'x'));
  span.Set("bytes", "a\xff");
  for (int i = 0; i < 100; ++i) span.Set("number", i);
  span.End();
  const auto spans = Taken();
  EXPECT_THAT(spans[0].attributes, SizeIs(32));
  EXPECT_THAT(spans[0].attributes[0], Pair("long", SpanRecord::Value(std::string(256, 'x'))));
  EXPECT_THAT(spans[0].attributes[1], Pair("bytes", SpanRecord::Value(std::string("a?"))));
}

TEST_F(SpanTest, CallsAreToldAsTheConventionsSay) {
  Span span = Span::Child("call", SpanKind::kClient, kRecorded);
  span.SetRpc("/stackyard.v1.StackService/GetStack");
  span.SetGrpcStatus(grpc::StatusCode::NOT_FOUND);
  span.End();
  const auto spans = Taken();
  EXPECT_THAT(
      spans[0].attributes,
      ElementsAre(Pair("rpc.system", SpanRecord::Value(std::string("grpc"))),
                  Pair("rpc.service", SpanRecord::Value(std::string("stackyard.v1.StackService"))),
                  Pair("rpc.method", SpanRecord::Value(std::string("GetStack"))),
                  Pair("rpc.grpc.status_code", SpanRecord::Value(int64_t{5}))));
  EXPECT_TRUE(spans[0].failed);
  EXPECT_EQ(spans[0].message, "NOT_FOUND");
}

TEST_F(SpanTest, ARefusalIsNoFailureOfTheServer) {
  Span refused = Span::Child("call", SpanKind::kServer, kRecorded);
  refused.SetGrpcStatus(grpc::StatusCode::PERMISSION_DENIED);
  refused.End();
  Span broken = Span::Child("call", SpanKind::kServer, kRecorded);
  broken.SetGrpcStatus(grpc::StatusCode::INTERNAL);
  broken.End();
  const auto spans = Taken();
  EXPECT_FALSE(spans[0].failed);
  EXPECT_TRUE(spans[1].failed);
}

TEST_F(SpanTest, WhatAThreadDoesBelongsToItsSpan) {
  const RequestScope scope("request-1", kRecorded);
  std::string within;
  {
    ThreadSpan outer("outer");
    within = RequestScope::Traceparent();
    EXPECT_NE(within, kRecorded);
    EXPECT_EQ(RequestScope::RequestId(), "request-1");
    const ThreadSpan inner("inner");
  }
  EXPECT_EQ(RequestScope::Traceparent(), kRecorded);
  EXPECT_EQ(RequestScope::RequestId(), "request-1");
  const auto spans = Taken();
  ASSERT_THAT(spans, SizeIs(2));
  EXPECT_EQ(spans[0].name, "inner");
  EXPECT_EQ(spans[0].parent, spans[1].context.span_id);
  EXPECT_EQ(spans[1].context.Format(), within);
}

TEST_F(SpanTest, AThreadsTraceStaysWhereNothingIsRecorded) {
  const RequestScope scope("request-1", kNotRecorded);
  const ThreadSpan span("work");
  EXPECT_EQ(RequestScope::Traceparent(), kNotRecorded);
}

SpanRecord Named(const std::string& name) {
  SpanRecord span;
  span.name = name;
  return span;
}

TEST(SpanQueueTest, WhatFindsItFullIsDroppedAndCounted) {
  SpanQueue queue(3);
  queue.Open(1, 2, nullptr);
  for (int i = 0; i < 5; ++i) queue.Push(Named(std::to_string(i)));
  EXPECT_EQ(queue.size(), 3u);
  EXPECT_EQ(queue.TakeDropped(), 2);
  EXPECT_EQ(queue.TakeDropped(), 0);
  const auto first = queue.Take(2);
  ASSERT_THAT(first, SizeIs(2));
  EXPECT_EQ(first[0].name, "0");
  const auto rest = queue.Take(2);
  ASSERT_THAT(rest, SizeIs(1));
  EXPECT_EQ(rest[0].name, "2");
}

TEST(SpanQueueTest, TellsOfEachBatch) {
  SpanQueue queue(100);
  int told = 0;
  queue.Open(1, 2, [&] { ++told; });
  queue.Push(Named("a"));
  EXPECT_EQ(told, 0);
  queue.Push(Named("b"));
  EXPECT_EQ(told, 1);
  queue.Push(Named("c"));
  EXPECT_EQ(told, 1) << "whoever was told has not come yet";
  queue.Take(3);
  queue.Push(Named("d"));
  queue.Push(Named("e"));
  EXPECT_EQ(told, 2);
}

TEST(SpanQueueTest, ManyThreadsLoseNothing) {
  constexpr int kThreads = 8, kEach = 1000;
  SpanQueue queue(kThreads * kEach / 2);
  queue.Open(1, 512, nullptr);
  int64_t taken = 0;
  {
    std::vector<Task> pushers;
    for (int i = 0; i < kThreads; ++i) {
      pushers.emplace_back("pusher", [&] {
        for (int k = 0; k < kEach; ++k) queue.Push(Named("x"));
      });
    }
    for (int i = 0; i < 100; ++i) taken += static_cast<int64_t>(queue.Take(64).size());
  }
  taken += static_cast<int64_t>(queue.Take(kThreads * kEach).size());
  EXPECT_EQ(taken + queue.TakeDropped(), kThreads * kEach);
}

}  // namespace
}  // namespace stackyard
