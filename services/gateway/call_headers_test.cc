#include "services/gateway/call_headers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "common/status.h"

namespace stackyard::gateway {
namespace {

using ::testing::MatchesRegex;

constexpr char kTrace[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

CallHeaders Read(const std::vector<std::pair<std::string, std::string>>& sent) {
  CallHeaders headers;
  for (const auto& [name, value] : sent) headers.Add(name, value);
  EXPECT_TRUE(headers.Complete().ok());
  return headers;
}

TEST(CallHeaders, KeepsWhatIsWellFormed) {
  const CallHeaders headers = Read({{"authorization", "Bearer x"},
                                    {"x-request-id", "r-1"},
                                    {"traceparent", kTrace},
                                    {"tracestate", "a=b"}});
  EXPECT_EQ(headers.authorization, "Bearer x");
  EXPECT_EQ(headers.request_id, "r-1");
  EXPECT_EQ(headers.traceparent, kTrace);
  EXPECT_EQ(headers.tracestate, "a=b");
}

TEST(CallHeaders, MakesWhatIsMissing) {
  const CallHeaders one = Read({}), other = Read({});
  EXPECT_EQ(one.request_id.size(), 20u);
  EXPECT_NE(one.request_id, other.request_id);
  EXPECT_THAT(one.traceparent, MatchesRegex("00-[0-9a-f]{32}-[0-9a-f]{16}-00"));
  EXPECT_NE(one.traceparent, other.traceparent);
}

TEST(CallHeaders, ReplacesWhatIsMalformed) {
  const std::string long_id(129, 'x');
  for (const char* id : {"", "a b", "a\nb", "\x80", long_id.c_str()}) {
    EXPECT_EQ(Read({{"x-request-id", id}}).request_id.size(), 20u) << id;
  }
  for (const char* trace : {"", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
                            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"}) {
    const CallHeaders headers = Read({{"traceparent", trace}, {"tracestate", "a=b"}});
    EXPECT_NE(headers.traceparent, trace);
    EXPECT_EQ(headers.tracestate, "") << "belongs to a trace that is not taken over";
  }
}

TEST(CallHeaders, TwoTokensAreNone) {
  EXPECT_EQ(Read({{"authorization", "Bearer a"}, {"authorization", "Bearer b"}}).authorization, "");
}

TEST(CallHeaders, ReadsTimeouts) {
  using std::chrono::nanoseconds;
  for (const auto& [text, expected] :
       std::vector<std::pair<std::string, int64_t>>{{"1n", 1},
                                                    {"2u", 2'000},
                                                    {"500m", 500'000'000},
                                                    {"20S", 20'000'000'000},
                                                    {"3M", 180'000'000'000},
                                                    {"1H", 3'600'000'000'000},
                                                    {"99999999H", INT64_MAX}}) {
    const CallHeaders headers = Read({{"grpc-timeout", text}});
    ASSERT_TRUE(headers.timeout.has_value()) << text;
    EXPECT_EQ(headers.timeout->count(), expected) << text;
  }
  EXPECT_FALSE(Read({}).timeout.has_value());
  for (const char* text : {"x", "1", "m", "-1m", "1 m", "123456789m", "1D"}) {
    CallHeaders headers;
    headers.Add("grpc-timeout", text);
    EXPECT_EQ(ReasonOf(headers.Complete()), v1::INVALID_FIELD) << text;
  }
}

// What is passed on may be longer by less than a digit, never shorter.
TEST(CallHeaders, WritesTimeouts) {
  using std::chrono::nanoseconds;
  EXPECT_EQ(FormatTimeout(nanoseconds(-5)), "1n");
  EXPECT_EQ(FormatTimeout(nanoseconds(99'999'999)), "99999999n");
  EXPECT_EQ(FormatTimeout(nanoseconds(100'000'001)), "100001u");
  EXPECT_EQ(FormatTimeout(std::chrono::seconds(20)), "20000000u");
  EXPECT_EQ(FormatTimeout(std::chrono::minutes(15)), "900000m");
  EXPECT_EQ(FormatTimeout(std::chrono::hours(24 * 365)), "31536000S");
}

TEST(CallHeaders, KnowsGrpc) {
  for (const char* type :
       {"application/grpc", "application/grpc+proto", "application/grpc;charset=x"}) {
    EXPECT_TRUE(Read({{":method", "POST"}, {"content-type", type}}).is_grpc()) << type;
    EXPECT_FALSE(Read({{":method", "GET"}, {"content-type", type}}).is_grpc()) << type;
  }
  for (const char* type : {"", "text/html", "application/grpc-web"}) {
    EXPECT_FALSE(Read({{":method", "POST"}, {"content-type", type}}).is_grpc()) << type;
  }
}

// Nothing of the client's goes on but what is named.
TEST(CallHeaders, PassesOnWhatIsNamed) {
  const CallHeaders headers = Read({{"authorization", "Bearer x"},
                                    {"x-stackyard-principal-bin", "forged"},
                                    {"cookie", "c"},
                                    {"x-request-id", "r-1"},
                                    {"traceparent", kTrace}});
  HeaderList list;
  headers.PassOn(list);
  std::vector<std::string> names;
  for (size_t i = 0; i < list.size(); ++i) {
    names.emplace_back(reinterpret_cast<const char*>(list.data()[i].name), list.data()[i].namelen);
  }
  EXPECT_THAT(names, ::testing::ElementsAre("x-request-id", "traceparent"));
}

}  // namespace
}  // namespace stackyard::gateway
