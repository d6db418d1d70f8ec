#include "common/span_exporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include "common/tracing.h"
#include "stackyard/internal/v1/trace_export.pb.h"

namespace stackyard {
namespace {

using internal::v1::TraceExport;
using internal::v1::TraceSpan;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr char kRecorded[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

class SpanExporterTest : public testing::Test {
 protected:
  SpanExporterTest() { queue_.Open(1, SpanExporter::kBatch, nullptr); }

  void Push(int count) {
    for (int i = 0; i < count; ++i) {
      SpanRecord span;
      span.name = "work";
      queue_.Push(std::move(span));
    }
  }

  // The value of a counter as it is shown, `name{labels}`.
  double Shown(const std::string& series) const {
    const std::string text = prometheus::TextSerializer().Serialize(registry_.Collect());
    const std::string line = "\n" + series + " ";
    const size_t at = text.find(line);
    return at == std::string::npos ? -1 : std::stod(text.substr(at + line.size()));
  }
  double Dropped(const std::string& reason) const {
    return Shown("stackyard_trace_spans_dropped_total{reason=\"" + reason + "\"}");
  }

  SpanQueue queue_{2000};
  prometheus::Registry registry_;
  absl::StatusOr<HttpReply> reply_ = HttpReply{200, ""};
  std::vector<TraceExport> sent_;
  SpanExporter exporter_{queue_,
                         {{"service.name", "test"}},
                         [this](std::string_view body, absl::Duration) {
                           EXPECT_TRUE(sent_.emplace_back().ParseFromArray(
                               body.data(), static_cast<int>(body.size())));
                           return reply_;
                         },
                         registry_};
};

TEST_F(SpanExporterTest, SendsWhatThereIsAndWaits) {
  Push(3);
  EXPECT_EQ(exporter_.Turn(), absl::Seconds(1));
  ASSERT_THAT(sent_, SizeIs(1));
  EXPECT_EQ(sent_[0].resource_spans(0).resource().attributes(0).value().string_value(), "test");
  EXPECT_EQ(sent_[0].resource_spans(0).scope_spans(0).spans_size(), 3);
  EXPECT_EQ(Shown("stackyard_trace_spans_exported_total"), 3);
  EXPECT_EQ(exporter_.Turn(), absl::Seconds(1));
  EXPECT_THAT(sent_, SizeIs(1)) << "nothing is not sent";
}

TEST_F(SpanExporterTest, DoesNotWaitWhileThereIsMore) {
  Push(1100);
  EXPECT_EQ(exporter_.Turn(), absl::ZeroDuration());
  EXPECT_EQ(exporter_.Turn(), absl::Seconds(1)) << "less than a batch is left";
}

TEST_F(SpanExporterTest, WhatTheCollectorCannotTakeNowIsSentAgain) {
  Push(3);
  for (const int status : {429, 503}) {
    reply_ = HttpReply{status, ""};
    EXPECT_GT(exporter_.Turn(), absl::Milliseconds(499));
  }
  reply_ = absl::UnavailableError("nobody there");
  exporter_.Turn();
  EXPECT_EQ(Shown("stackyard_trace_spans_exported_total"), 0);
  reply_ = HttpReply{200, ""};
  exporter_.Turn();
  EXPECT_EQ(Shown("stackyard_trace_spans_exported_total"), 3);
  EXPECT_THAT(sent_, SizeIs(4));
  EXPECT_EQ(sent_[3].SerializeAsString(), sent_[0].SerializeAsString());
}

TEST_F(SpanExporterTest, PausesGrowAndEndInDropping) {
  reply_ = absl::UnavailableError("nobody there");
  Push(3);
  absl::Duration waited;
  while (Dropped("unsent") == 0) waited += exporter_.Turn();
  EXPECT_EQ(Dropped("unsent"), 3);
  EXPECT_GT(waited, absl::Seconds(20));
  EXPECT_LT(waited, absl::Seconds(70));
  // The next batch does not begin with a storm.
  Push(1);
  EXPECT_GE(exporter_.Turn(), absl::Seconds(15));
}

TEST_F(SpanExporterTest, WhatIsRefusedIsNotSentAgain) {
  reply_ = HttpReply{400, "bad"};
  Push(3);
  EXPECT_EQ(exporter_.Turn(), absl::Seconds(1));
  EXPECT_EQ(Dropped("refused"), 3);
  exporter_.Turn();
  EXPECT_THAT(sent_, SizeIs(1));
}

TEST_F(SpanExporterTest, CountsWhatTheCollectorLeftOut) {
  internal::v1::TraceExportAnswer answer;
  answer.mutable_partial_success()->set_rejected_spans(2);
  reply_ = HttpReply{200, answer.SerializeAsString()};
  Push(3);
  exporter_.Turn();
  EXPECT_EQ(Dropped("refused"), 2);
}

TEST_F(SpanExporterTest, CountsWhatFoundTheQueueFull) {
  reply_ = absl::UnavailableError("nobody there");
  Push(2100);
  exporter_.Turn();
  EXPECT_EQ(Dropped("full"), 100);
}

TEST_F(SpanExporterTest, AFlushSendsAllThatIsLeft) {
  Push(1000);
  exporter_.Flush(absl::Seconds(10));
  EXPECT_EQ(Shown("stackyard_trace_spans_exported_total"), 1000);
  EXPECT_EQ(queue_.size(), 0u);
}

TEST_F(SpanExporterTest, AFlushDoesNotInsist) {
  reply_ = HttpReply{503, ""};
  Push(1000);
  exporter_.Flush(absl::Seconds(10));
  EXPECT_THAT(sent_, SizeIs(1));
  EXPECT_EQ(Dropped("unsent"), 1000);
}

TEST(OtlpTest, SpansAreEncodedInFull) {
  SpanRecord span;
  span.name = "work";
  span.kind = SpanKind::kServer;
  span.context = *TraceContext::Parse(kRecorded);
  span.parent = {1, 2, 3, 4, 5, 6, 7, 8};
  span.parent_is_remote = true;
  span.start = 2'000;
  span.end = 1'000;
  span.attributes = {{"text", std::string("x")}, {"number", int64_t{7}}, {"flag", true}};
  span.links = {*TraceContext::Parse(kRecorded)};
  span.failed = true;
  span.message = "INTERNAL";
  TraceExport request;
  ASSERT_TRUE(request.ParseFromString(EncodeSpans({{"service.name", "test"}}, {span})));
  const TraceSpan& sent = request.resource_spans(0).scope_spans(0).spans(0);
  EXPECT_EQ(sent.trace_id(), "\x4b\xf9\x2f\x35\x77\xb3\x4d\xa6\xa3\xce\x92\x9d\x0e\x0e\x47\x36");
  EXPECT_EQ(sent.span_id().size(), 8u);
  EXPECT_EQ(sent.parent_span_id(), "\x01\x02\x03\x04\x05\x06\x07\x08");
  EXPECT_EQ(sent.name(), "work");
  EXPECT_EQ(sent.kind(), TraceSpan::SERVER);
  EXPECT_EQ(sent.flags(), 0x301u);
  EXPECT_EQ(sent.start_time_unix_nano(), 2'000u);
  EXPECT_EQ(sent.end_time_unix_nano(), 2'000u) << "the clock was set back";
  EXPECT_EQ(sent.attributes(0).value().string_value(), "x");
  EXPECT_EQ(sent.attributes(1).value().int_value(), 7);
  EXPECT_TRUE(sent.attributes(2).value().bool_value());
  EXPECT_EQ(sent.links_size(), 1);
  EXPECT_EQ(sent.status().code(), TraceSpan::Status::ERROR);
  EXPECT_EQ(sent.status().message(), "INTERNAL");
}

TEST(TracingOptionsTest, RefusesWhatCannotBe) {
  TracingOptions options;
  EXPECT_TRUE(options.Check().ok());
  for (const char* endpoint :
       {"collector:4318", "grpc://collector", "http://", "http://a:b@host", "http://host/?x=1"}) {
    options.otlp_endpoint = endpoint;
    EXPECT_THAT(std::string(options.Check().message()), HasSubstr("--otlp-endpoint")) << endpoint;
  }
  for (const char* endpoint : {"http://127.0.0.1:4318", "https://traces.example.com/tenant/"}) {
    options.otlp_endpoint = endpoint;
    EXPECT_TRUE(options.Check().ok()) << options.Check();
  }
  for (const char* ratio : {"-0.1", "1.1", "nan", "half", ""}) {
    options.ratio = ratio;
    EXPECT_THAT(std::string(options.Check().message()), HasSubstr("--trace-ratio")) << ratio;
  }
}

}  // namespace
}  // namespace stackyard
