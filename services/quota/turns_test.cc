#include "services/quota/turns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/synchronization/notification.h"

namespace stackyard::quota {
namespace {

using Numbers = Turns<int>;

TEST(TurnsTest, WhoComesMeanwhileIsServedTogetherAndInOrder) {
  absl::Notification busy, go_on;
  std::vector<std::vector<int>> groups;
  {
    Numbers turns(3, [&](const Numbers::Group& calls) {
      std::vector<int>& group = groups.emplace_back();
      for (const auto& call : calls) group.push_back(*call);
      if (groups.size() > 1) return;
      busy.Notify();
      go_on.WaitForNotification();
    });
    const Task first("first", [&] { turns.Give(std::make_unique<int>(0)); });
    busy.WaitForNotification();
    for (int i = 1; i < 6; ++i) turns.Give(std::make_unique<int>(i));
    EXPECT_EQ(turns.waiting(), 5);
    go_on.Notify();
    // Whoever came is served before it ends.
  }
  EXPECT_THAT(groups, testing::ElementsAre(testing::ElementsAre(0), testing::ElementsAre(1, 2, 3),
                                           testing::ElementsAre(4, 5)));
}

TEST(TurnsTest, WhoComesAloneIsServedAtOnce) {
  int served = 0;
  Numbers turns(3, [&](const Numbers::Group& calls) { served += *calls.at(0); });
  turns.Give(std::make_unique<int>(5));
  EXPECT_EQ(served, 5);
}

TEST(TurnsTest, ManyWhoComeAtOnceAreAllServedOnce) {
  int64_t sum = 0;  // Without a lock: a thread checker sees two who work at a time.
  size_t most = 0;
  {
    Numbers turns(8, [&](const Numbers::Group& calls) {
      most = std::max(most, calls.size());
      for (const auto& call : calls) sum += *call;
    });
    std::vector<Task> callers;
    for (int i = 0; i < 16; ++i) {
      callers.emplace_back("caller", [&] {
        for (int round = 0; round < 500; ++round) turns.Give(std::make_unique<int>(1));
      });
    }
    callers.clear();
  }
  EXPECT_EQ(sum, 16 * 500);
  EXPECT_LE(most, 8);
}

}  // namespace
}  // namespace stackyard::quota
