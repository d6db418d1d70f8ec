#include "services/quota/timeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace stackyard::quota {
namespace {

using testing::ElementsAre;

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

absl::Time At(int minutes) { return absl::UnixEpoch() + absl::Minutes(minutes); }
Window Minutes(int from, int to) { return {At(from), At(to)}; }

TEST(TimelineTest, AddsUpGrantsAndHoldsAndJoinsEqualNeighbours) {
  const Timeline timeline(At(0), 10, {{Minutes(5, 15), 3}},
                          {{Minutes(-5, 5), 2}, {Minutes(5, 8), 2}, {Minutes(10, 12), 4}});
  EXPECT_THAT(timeline.steps(),
              ElementsAre(Step{At(0), 2, 10}, Step{At(5), 2, 13}, Step{At(8), 0, 13},
                          Step{At(10), 4, 13}, Step{At(12), 0, 13}, Step{At(15), 0, 10}));
}

TEST(TimelineTest, LeavesOutWhatIsOverOrEmpty) {
  const Timeline timeline(At(10), 1, {{Minutes(0, 10), 5}},
                          {{Minutes(20, 20), 5}, {Minutes(30, 25), 5}});
  EXPECT_THAT(timeline.steps(), ElementsAre(Step{At(10), 0, 1}));
}

TEST(TimelineTest, SumsBeyondTheRangeEndAtItsGreatestValueAndComeBack) {
  const Timeline timeline(At(0), kMost, {{Minutes(0, 5), kMost}},
                          {{Minutes(0, 5), kMost}, {Minutes(0, 9), kMost}, {Minutes(0, 9), 1}});
  EXPECT_THAT(timeline.steps(), ElementsAre(Step{At(0), kMost, kMost}, Step{At(9), 0, kMost}));
}

}  // namespace
}  // namespace stackyard::quota
