#include "services/gateway/call_headers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stackyard::gateway {
namespace {

using ::testing::MatchesRegex;

constexpr char kTrace[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(CallHeaders, KeepsWhatIsWellFormed) {
  const CallHeaders headers = CallHeaders::Read({{"authorization", "Bearer x"},
                                                 {"x-request-id", "r-1"},
                                                 {"traceparent", kTrace},
                                                 {"tracestate", "a=b"}});
  EXPECT_EQ(headers.authorization, "Bearer x");
  EXPECT_EQ(headers.request_id, "r-1");
  EXPECT_EQ(headers.traceparent, kTrace);
  EXPECT_EQ(headers.tracestate, "a=b");
}

TEST(CallHeaders, MakesWhatIsMissing) {
  const CallHeaders one = CallHeaders::Read({}), other = CallHeaders::Read({});
  EXPECT_EQ(one.request_id.size(), 20u);
  EXPECT_NE(one.request_id, other.request_id);
  EXPECT_THAT(one.traceparent, MatchesRegex("00-[0-9a-f]{32}-[0-9a-f]{16}-01"));
  EXPECT_NE(one.traceparent, other.traceparent);
}

TEST(CallHeaders, ReplacesWhatIsMalformed) {
  const std::string long_id(129, 'x');
  for (const char* id : {"", "a b", "a\nb", "\x80", long_id.c_str()}) {
    EXPECT_EQ(CallHeaders::Read({{"x-request-id", id}}).request_id.size(), 20u) << id;
  }
  for (const char* trace : {"", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
                            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"}) {
    const CallHeaders headers = CallHeaders::Read({{"traceparent", trace}, {"tracestate", "a=b"}});
    EXPECT_NE(headers.traceparent, trace);
    EXPECT_EQ(headers.tracestate, "") << "belongs to a trace that is not taken over";
  }
}

TEST(CallHeaders, TwoTokensAreNone) {
  EXPECT_EQ(CallHeaders::Read({{"authorization", "Bearer a"}, {"authorization", "Bearer b"}})
                .authorization,
            "");
}

}  // namespace
}  // namespace stackyard::gateway
