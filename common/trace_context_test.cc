#include "common/trace_context.h"

#include <gtest/gtest.h>

namespace stackyard {
namespace {

constexpr char kTrace[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(TraceContextTest, ReadsWhatItWrites) {
  const auto context = TraceContext::Parse(kTrace);
  ASSERT_TRUE(context);
  EXPECT_TRUE(context->sampled);
  EXPECT_EQ(context->trace_id[0], 0x4b);
  EXPECT_EQ(context->span_id[7], 0xb7);
  EXPECT_EQ(context->Format(), kTrace);
}

TEST(TraceContextTest, OfTheFlagsOneCounts) {
  const std::string start(kTrace, 53);
  for (const auto& [flags, sampled] :
       {std::pair("00", false), {"01", true}, {"02", false}, {"03", true}, {"ff", true}}) {
    EXPECT_EQ(TraceContext::Parse(start + flags)->sampled, sampled) << flags;
    EXPECT_EQ(IsSampled(start + flags), sampled) << flags;
  }
  EXPECT_FALSE(IsSampled(""));
}

TEST(TraceContextTest, ALaterVersionIsReadAsFarAsItIsKnown) {
  const auto context =
      TraceContext::Parse("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes");
  ASSERT_TRUE(context);
  EXPECT_EQ(context->Format(), kTrace);
}

TEST(TraceContextTest, RefusesWhatIsMalformed) {
  for (const std::string text : {"", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
                                 "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                                 "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                                 "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                                 "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                                 "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                                 "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
                                 "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
                                 "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
                                 "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
                                 "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-a b"}) {
    EXPECT_FALSE(TraceContext::Parse(text)) << text;
  }
}

TEST(TraceContextTest, NewOnesDiffer) {
  const TraceContext one = TraceContext::New(true);
  const TraceContext other = TraceContext::New(false);
  EXPECT_NE(one.trace_id, other.trace_id);
  EXPECT_NE(one.span_id, other.span_id);
  EXPECT_TRUE(TraceContext::Parse(one.Format())->sampled);
  EXPECT_FALSE(TraceContext::Parse(other.Format())->sampled);
  const TraceContext next = one.Next();
  EXPECT_EQ(next.trace_id, one.trace_id);
  EXPECT_NE(next.span_id, one.span_id);
  EXPECT_TRUE(next.sampled);
}

}  // namespace
}  // namespace stackyard
