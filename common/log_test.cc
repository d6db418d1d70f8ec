#include "common/log.h"

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

namespace stackyard {
namespace {

nlohmann::json Logged(const std::function<void()>& body) {
  testing::internal::CaptureStderr();
  body();
  const std::string text = testing::internal::GetCapturedStderr();
  return text.empty() ? nlohmann::json() : nlohmann::json::parse(text);
}

TEST(LogTest, OneObjectPerLineWithFieldsAndIds) {
  const auto line = Logged([] {
    const RequestScope scope("req-1", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    LogWarning("two\nlines \"quoted\" \xff", {{"count", 3}, {"ok", true}, {"name", "x"}});
  });
  EXPECT_EQ(line["level"], "warning");
  EXPECT_EQ(line["count"], 3);
  EXPECT_EQ(line["ok"], true);
  EXPECT_EQ(line["name"], "x");
  EXPECT_EQ(line["request_id"], "req-1");
  EXPECT_EQ(line["trace_id"], "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(line["span_id"], "b7ad6b7169203331");
}

TEST(LogTest, ScopesEndAndLevelsDrop) {
  const auto line = Logged([] { LogInfo("hello"); });
  EXPECT_FALSE(line.contains("request_id"));
  EXPECT_TRUE(Logged([] { Log(LogLevel::kDebug, "hidden"); }).is_null());
}

}  // namespace
}  // namespace stackyard
