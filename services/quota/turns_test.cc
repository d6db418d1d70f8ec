#include "services/quota/turns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "absl/synchronization/notification.h"
#include "common/work.h"

namespace stackyard::quota {
namespace {

struct Number {
  int value = 0;
  int answer = 0;
};

TEST(TurnsTest, WhoComesMeanwhileIsServedTogetherAndInOrder) {
  absl::Notification busy, go_on;
  std::vector<std::vector<int>> groups;
  Turns<Number> turns(3, [&](const std::vector<Number*>& calls) {
    std::vector<int>& group = groups.emplace_back();
    for (Number* call : calls) {
      group.push_back(call->value);
      call->answer = 2 * call->value;
    }
    if (groups.size() > 1) return;
    busy.Notify();
    go_on.WaitForNotification();
  });
  std::vector<Number> numbers(6);
  std::vector<Task> callers;
  for (int i = 0; i < 6; ++i) {
    numbers[i].value = i;
    callers.emplace_back("caller", [&, i] { turns.Take(numbers[i]); });
    if (i == 0) busy.WaitForNotification();
    // The next one comes when this one waits.
    while (turns.waiting() < static_cast<size_t>(i)) std::this_thread::yield();
  }
  go_on.Notify();
  callers.clear();
  EXPECT_THAT(groups, testing::ElementsAre(testing::ElementsAre(0), testing::ElementsAre(1, 2, 3),
                                           testing::ElementsAre(4, 5)));
  for (const Number& number : numbers) EXPECT_EQ(number.answer, 2 * number.value);
}

TEST(TurnsTest, OneWorksAtATimeAndNobodyIsForgotten) {
  std::atomic<int> working = 0, most = 0;
  int64_t sum = 0;  // Without a lock: a thread checker sees two who work at a time.
  Turns<Number> turns(8, [&](const std::vector<Number*>& calls) {
    most = std::max<int>(most, ++working);
    for (Number* call : calls) {
      sum += call->value;
      call->answer = 1;
    }
    --working;
  });
  std::vector<Task> callers;
  for (int i = 0; i < 16; ++i) {
    callers.emplace_back("caller", [&] {
      for (int round = 0; round < 500; ++round) {
        Number number{1};
        turns.Take(number);
        ASSERT_EQ(number.answer, 1);
      }
    });
  }
  callers.clear();
  EXPECT_EQ(most, 1);
  EXPECT_EQ(sum, 16 * 500);
}

}  // namespace
}  // namespace stackyard::quota
