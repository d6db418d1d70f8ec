#include "common/order_by.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "common/status.h"
#include "google/protobuf/text_format.h"
#include "stackyard/v1/catalog.pb.h"
#include "stackyard/v1/stacks.pb.h"

namespace stackyard {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

std::vector<v1::Stack> Stacks() {
  std::vector<v1::Stack> stacks;
  for (const char* text : {
           "name: 'c' state: READY resource_count: 2 create_time { seconds: 30 }",
           "name: 'a' state: FAILED resource_count: -1 lease { duration { seconds: 5 } }",
           "name: 'b' state: READY resource_count: 2 create_time { seconds: 10 nanos: 1 }"
           " lease { extended: true duration { seconds: 3 nanos: 9 } }",
           "name: 'd' create_time { seconds: 10 } lease {}",
       }) {
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &stacks.emplace_back()));
  }
  return stacks;
}

TEST(OrderByTest, Sorts) {
  for (const auto& [text, expected] : std::vector<std::pair<const char*, const char*>>{
           {"", "cabd"},
           {"name", "abcd"},
           {" name  desc ", "dcba"},
           {"create_time", "adbc"},
           {"createTime desc", "cbda"},
           {"state,name desc", "dcba"},
           {"state desc, resource_count,\tname", "abcd"},
           {"resource_count desc,name", "bcda"},
           {"lease.duration,name", "cdba"},
           {"lease.extended desc,name", "badc"},
       }) {
    const auto order = OrderBy::Parse(text, v1::Stack::descriptor());
    ASSERT_TRUE(order.ok()) << order.status();
    std::vector<v1::Stack> stacks = Stacks();
    std::stable_sort(stacks.begin(), stacks.end(),
                     [&](const auto& a, const auto& b) { return order->Less(a, b); });
    std::string names;
    for (const auto& stack : stacks) names += stack.name();
    EXPECT_EQ(names, expected) << text;
  }
}

TEST(OrderByTest, Fields) {
  const auto order = OrderBy::Parse("createTime desc, lease.endTime", v1::Stack::descriptor());
  ASSERT_TRUE(order.ok());
  EXPECT_FALSE(order->empty());
  EXPECT_THAT(order->fields(),
              ElementsAre(Pair("create_time", true), Pair("lease.end_time", false)));
  EXPECT_TRUE(OrderBy::Parse(" ", v1::Stack::descriptor())->empty());
}

TEST(OrderByTest, NanIsLeastAndUnsetIsLess) {
  const auto order = OrderBy::Parse("minimum", v1::Parameter::descriptor());
  ASSERT_TRUE(order.ok());
  v1::Parameter unset, nan, low, high;
  nan.set_minimum(std::nan(""));
  low.set_minimum(-std::numeric_limits<double>::infinity());
  high.set_minimum(0);
  const std::vector<const v1::Parameter*> sorted = {&unset, &nan, &low, &high};
  for (size_t i = 0; i < sorted.size(); ++i) {
    for (size_t j = 0; j < sorted.size(); ++j) {
      EXPECT_EQ(order->Less(*sorted[i], *sorted[j]), i < j) << i << " " << j;
    }
  }
}

TEST(OrderByTest, FaultsTellWhereAndWhatWasExpected) {
  for (const auto& [text, expected] : std::vector<std::pair<std::string, std::string>>{
           {"colour", "at character 1: expected one of name, uid"},
           {"name, lease.x", "at character 13: expected one of duration"},
           {"name asc", "at character 6: expected \"desc\", a comma or the end, found \"asc\""},
           {"name desc desc", "at character 6: expected \"desc\""},
           {"name,,state", "at character 6: expected a field"},
           {"name,", "at character 6: expected a field"},
           {",", "at character 1: expected a field"},
           {"name, name desc", "at character 7: expected each field once"},
           {"lease", "at character 1: expected a field with one value that has an order"},
           {"labels", "one value that has an order"},
           {"labels.team", "one value that has an order"},
           {"amounts.value", "one value that has an order"},
           {"parameters.size", "one value that has an order"},
           {"create_time.seconds", "one value that has an order"},
           {"name.x", "one value that has an order"},
           {"lease.", "expected one of duration"},
           {"a, b", "at character 4: expected one of"},
           {"name \xff", "at character 6: expected valid UTF-8"},
           {std::string(5000, ','), "expected at most 4096 bytes"},
           {std::string(4000, ','), "at character 9: expected at most 8 fields"},
       }) {
    const absl::Status status = OrderBy::Parse(text, v1::Stack::descriptor()).status();
    EXPECT_EQ(ReasonOf(status), v1::INVALID_FIELD) << text;
    google::rpc::BadRequest request;
    ASSERT_TRUE(ReadDetail(status, request)) << text;
    EXPECT_EQ(request.field_violations(0).field(), "order_by");
    EXPECT_THAT(std::string(status.message()), HasSubstr(expected)) << text;
  }
}

}  // namespace
}  // namespace stackyard
