#include "services/gateway/call_trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stackyard::gateway {
namespace {

using ::testing::EndsWith;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr char kRecorded[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
constexpr char kNotRecorded[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
constexpr char kTrace[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-";
constexpr char kLocal[] = "ipv4:127.0.0.1:50000";
constexpr char kStranger[] = "ipv4:192.0.2.1:50000";

CallHeaders HeadersWith(const std::string& traceparent) {
  CallHeaders headers;
  if (!traceparent.empty()) headers.Add("traceparent", traceparent);
  EXPECT_TRUE(headers.Complete().ok());
  return headers;
}

class CallTraceTest : public testing::Test {
 protected:
  CallTraceTest() {
    route_.method = "/stackyard.v1.StackService/GetStack";
    route_.backend = "stacks";
  }
  ~CallTraceTest() override {
    ProcessSpans().Close();
    Taken();
  }
  static void Record(double ratio) { ProcessSpans().Open(ratio, 512, nullptr); }
  static std::vector<SpanRecord> Taken() { return ProcessSpans().Take(10'000); }

  // What a backend is told of a call.
  std::string Sent(const std::string& traceparent, const std::string& peer,
                   bool trust_all = false) {
    CallHeaders headers = HeadersWith(traceparent);
    CallTrace trace;
    trace.Begin(route_, peer, trust_all, headers);
    trace.SendTo(route_, headers);
    trace.End(grpc::StatusCode::OK, "request-1", "projects/p");
    return headers.traceparent;
  }

  Route route_;
};

TEST_F(CallTraceTest, ACallIsAServersAndAClientsSpan) {
  Record(1);
  const std::string sent = Sent(kRecorded, kLocal);
  const auto spans = Taken();
  ASSERT_THAT(spans, SizeIs(2));
  const SpanRecord& backend = spans[0];
  const SpanRecord& call = spans[1];
  EXPECT_EQ(call.kind, SpanKind::kServer);
  EXPECT_EQ(call.parent, TraceContext::Parse(kRecorded)->span_id);
  EXPECT_TRUE(call.parent_is_remote);
  EXPECT_EQ(backend.kind, SpanKind::kClient);
  EXPECT_EQ(backend.parent, call.context.span_id);
  EXPECT_EQ(sent, backend.context.Format());
  EXPECT_THAT(
      call.attributes,
      testing::Contains(Pair("stackyard.resource", SpanRecord::Value(std::string("projects/p")))));
}

TEST_F(CallTraceTest, ATraceThatBeginsHereHasNoParent) {
  Record(1);
  EXPECT_THAT(Sent("", kStranger), EndsWith("-01"));
  const auto spans = Taken();
  ASSERT_THAT(spans, SizeIs(2));
  EXPECT_THAT(spans[1].parent, testing::Each(0));
}

TEST_F(CallTraceTest, WhatIsServedHereIsOneSpan) {
  Record(1);
  route_.backend = "gateway";
  const std::string sent = Sent(kRecorded, kLocal);
  const auto spans = Taken();
  ASSERT_THAT(spans, SizeIs(1));
  EXPECT_EQ(sent, spans[0].context.Format());
}

TEST_F(CallTraceTest, TheWordOfLocalCallersCounts) {
  for (const char* peer : {kLocal, "unix:", "ipv6:%5B::1%5D:50000"}) {
    Record(0);
    EXPECT_THAT(Sent(kRecorded, peer), EndsWith("-01")) << peer;
    EXPECT_THAT(Taken(), SizeIs(2));
    Record(1);
    EXPECT_EQ(Sent(kNotRecorded, peer), kNotRecorded) << peer;
    EXPECT_THAT(Taken(), IsEmpty());
  }
}

TEST_F(CallTraceTest, StrangersDoNotSayHowMuchIsRecorded) {
  for (const char* peer : {kStranger, "ipv4:12.7.0.1:50000", "ipv6:%5B2001:db8::1%5D:50000"}) {
    Record(0);
    EXPECT_EQ(Sent(kRecorded, peer), kNotRecorded) << "their trace is gone on with";
    EXPECT_THAT(Taken(), IsEmpty());
    Record(1);
    EXPECT_THAT(Sent(kNotRecorded, peer), StartsWith(kTrace));
    EXPECT_THAT(Taken(), SizeIs(2));
  }
}

TEST_F(CallTraceTest, ARatioHoldsWhateverIdsStrangersChoose) {
  Record(0.25);
  // Samplers that go by the id would take every one.
  for (int i = 0; i < 4000; ++i)
    Sent("00-00000000000000010000000000000000-00f067aa0ba902b7-01", kStranger);
  EXPECT_NEAR(Taken().size() / 2.0, 1000, 192);
}

TEST_F(CallTraceTest, StrangersMayBeTrustedByFlag) {
  Record(0);
  EXPECT_THAT(Sent(kRecorded, kStranger, true), EndsWith("-01"));
  EXPECT_THAT(Taken(), SizeIs(2));
}

TEST_F(CallTraceTest, WithoutTracingNobodyElseRecordsForAStranger) {
  EXPECT_EQ(Sent(kRecorded, kStranger), kNotRecorded);
  EXPECT_EQ(Sent(kRecorded, kLocal), kRecorded);
  EXPECT_EQ(Sent(kRecorded, kStranger, true), kRecorded);
  EXPECT_THAT(Taken(), IsEmpty());
}

TEST_F(CallTraceTest, ACallThatIsSentAgainHasTwoBackendSpans) {
  Record(1);
  CallHeaders headers = HeadersWith(kRecorded);
  CallTrace trace;
  trace.Begin(route_, kLocal, false, headers);
  trace.SendTo(route_, headers);
  const std::string first = headers.traceparent;
  trace.SendTo(route_, headers);
  EXPECT_NE(headers.traceparent, first);
  trace.End(grpc::StatusCode::UNAVAILABLE, "request-1", "");
  const auto spans = Taken();
  ASSERT_THAT(spans, SizeIs(3));
  EXPECT_EQ(spans[0].parent, spans[2].context.span_id);
  EXPECT_EQ(spans[1].parent, spans[2].context.span_id);
  EXPECT_TRUE(spans[1].failed);
  EXPECT_TRUE(spans[2].failed);
}

}  // namespace
}  // namespace stackyard::gateway
