#include "services/quota/usage.h"

#include "services/quota/testing.h"

namespace stackyard::quota {
namespace {

class UsageTest : public QuotaTest {
 protected:
  v1::QueryUsageSeriesRequest SeriesRequest(int from, int to) const {
    v1::QueryUsageSeriesRequest request;
    request.set_parent(kProject);
    request.set_metric("vcpu");
    *request.mutable_start_time() = ToProto(At(from));
    *request.mutable_end_time() = ToProto(At(to));
    return request;
  }
};

TEST_P(UsageTest, TellsEachMetricAndEachUsersPart) {
  ASSERT_TRUE(SetLimit("vcpu:ann", 10).ok());
  ASSERT_TRUE(SetLimit("nodes:-", 3).ok());
  v1::Reservation wish = Wish("a", {{"vcpu", 4}, {"nodes", 1}});
  wish.set_user("bob");
  ASSERT_TRUE(ledger_->Reserve(wish).ok());
  ASSERT_TRUE(ledger_->Reserve(Wish("b", {{"vcpu", 2}})).ok());
  ASSERT_TRUE(Commit("b", {{"vcpu", 2}}).ok());

  v1::ListUsageRequest request;
  request.set_parent(kProject);
  EXPECT_EQ(usage_->List(request)->usage_size(), 9);
  request.set_by_user(true);
  const auto answer = usage_->List(request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  std::vector<std::string> lines;
  for (const v1::Usage& line : answer->usage()) {
    if (line.metric() != "vcpu" && line.metric() != "nodes") continue;
    lines.push_back(line.metric() + " " + line.user() + " " + std::to_string(line.committed()) +
                    "+" + std::to_string(line.pending()) + " of " + std::to_string(line.limit()) +
                    " " + line.unit());
  }
  EXPECT_THAT(lines, testing::ElementsAre("nodes  0+1 of 5 node", "nodes bob 0+1 of 3 node",
                                          "vcpu  2+4 of 32 vCPU", "vcpu ann 0+0 of 10 vCPU",
                                          "vcpu bob 0+4 of 32 vCPU"));
  request.set_parent("projects/-");
  EXPECT_EQ(ReasonOf(usage_->List(request).status()), v1::INVALID_FIELD);
}

TEST_P(UsageTest, ASeriesHasAPointPerChange) {
  ASSERT_TRUE(AddGrant("vcpu", 8, 10, 20).ok());
  ASSERT_TRUE(ledger_->Reserve(Wish("a", {{"vcpu", 4}}, 5, 15)).ok());
  ASSERT_TRUE(ledger_->Reserve(Wish("b", {{"vcpu", 1}}, 15, 90)).ok());
  const auto answer = usage_->Series(SeriesRequest(2, 60));
  ASSERT_TRUE(answer.ok()) << answer.status();
  std::vector<std::string> points;
  for (const v1::UsagePoint& point : answer->points()) {
    points.push_back(std::to_string(absl::ToInt64Minutes(FromProto(point.time()) - At(0))) + ": " +
                     std::to_string(point.used()) + "/" + std::to_string(point.limit()));
  }
  EXPECT_THAT(points,
              testing::ElementsAre("2: 0/32", "5: 4/32", "10: 4/40", "15: 1/40", "20: 1/32"));
}

TEST_P(UsageTest, ASeriesIsBounded) {
  EXPECT_EQ(ReasonOf(usage_->Series(SeriesRequest(5, 5)).status()), v1::INVALID_FIELD);
  EXPECT_EQ(ReasonOf(usage_->Series(SeriesRequest(0, 60 * 24 * 740)).status()), v1::INVALID_FIELD);
  v1::QueryUsageSeriesRequest request = SeriesRequest(0, 5);
  request.set_metric("unicorns");
  EXPECT_EQ(ReasonOf(usage_->Series(request).status()), v1::INVALID_FIELD);
  request.set_metric("vcpu");
  request.clear_start_time();
  request.clear_end_time();
  const auto answer = usage_->Series(request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_EQ(answer->points_size(), 1);
  EXPECT_EQ(FromProto(answer->points(0).time()), At(0));
}

INSTANTIATE_TEST_SUITE_P(Engines, UsageTest, testing::Values(Engine::kSqlite, Engine::kPostgres),
                         EngineName);

}  // namespace
}  // namespace stackyard::quota
